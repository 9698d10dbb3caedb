//! Results, for readers and for programs.

use portcullis_bench_harness::Contender;
use serde::Serialize;

use crate::{
    Through,
    contenders::SUITE,
    rows::{Entry, Missing},
    runs::{ALGORITHMS, Traffic},
};

/// One measurement of time.
#[derive(Clone, Debug, Serialize)]
pub struct Timing {
    /// What was sent.
    pub run: String,
    /// Who was measured.
    pub contender: String,
    /// Which way.
    pub through: String,
    /// The median of nanoseconds a call.
    pub ns: f64,
    /// The median of what that is over the bare service of the same round; absent for functions and bare services.
    pub over_bare: Option<f64>,
    /// What it costs, as a multiple of what the suite costs the same way; functions are compared with tower.
    pub ratio: Option<f64>,
}

/// One count of allocations, a request.
#[derive(Clone, Debug, Serialize)]
pub struct Allocations {
    /// What was sent.
    pub run: String,
    /// Who was watched.
    pub contender: String,
    /// Which way.
    pub through: String,
    /// How many.
    pub count: f64,
    /// How many bytes.
    pub bytes: f64,
    /// How many over the bare service; absent for functions.
    pub count_over_bare: Option<f64>,
    /// How many bytes over the bare service.
    pub bytes_over_bare: Option<f64>,
}

/// Makes rows of a run: `contenders` are those of `entries`, in the same order.
#[must_use]
pub fn timings(run: &str, entries: &[&Entry], contenders: &[Contender]) -> Vec<Timing> {
    let position = |name: &str, through: Through| {
        let mut names = entries.iter();
        names.position(|entry| entry.name == name && entry.through == through)
    };
    let over = |at: usize| {
        let entry = entries[at];
        let bare = position(entry.baseline.name(), entry.through)?;
        (bare != at).then(|| contenders[at].over(&contenders[bare]))
    };
    let rows = entries.iter().enumerate().map(|(at, entry)| {
        let ns = contenders[at].nanoseconds();
        let same_way = match entry.through {
            Through::Function => Through::Tower,
            way => way,
        };
        let suite = position(SUITE, same_way).and_then(over);
        let is_bare = over(at).is_none() && entry.through != Through::Function;
        Timing {
            run: run.to_owned(),
            contender: entry.name.to_owned(),
            through: entry.through.to_string(),
            ns,
            over_bare: over(at),
            ratio: suite
                .filter(|_| !is_bare)
                .map(|suite| over(at).unwrap_or(ns) / suite),
        }
    });
    rows.collect()
}

/// Prints rows of time.
pub fn print_timings(run: &str, rows: &[Timing]) {
    println!("\n{run}");
    println!(
        "{:30} {:9} {:>11} {:>11} {:>9}",
        "", "through", "ns", "over bare", "× suite"
    );
    for row in rows {
        let number = |value: Option<f64>, digits: usize| match value {
            Some(value) => format!("{value:.digits$}"),
            None => "–".to_owned(),
        };
        println!(
            "{:30} {:9} {:>11.0} {:>11} {:>9}",
            row.contender,
            row.through,
            row.ns,
            number(row.over_bare, 0),
            number(row.ratio, 2),
        );
    }
}

/// Prints what every contender costs over the bare service, all runs of tokens side by side.
pub fn print_summary(rows: &[Timing]) {
    let runs: Vec<_> = ALGORITHMS
        .iter()
        .flat_map(|algorithm| Traffic::ALL.map(|traffic| traffic.of(*algorithm)))
        .collect();
    let mut contenders = Vec::new();
    let of_tokens = |row: &&Timing| row.ratio.is_some() && runs.contains(&row.run);
    for row in rows.iter().filter(of_tokens) {
        let key = (&row.contender, &row.through);
        if !contenders.contains(&key) {
            contenders.push(key);
        }
    }
    println!("\nns over bare; for functions, ns");
    print!("{:30} {:9}", "", "through");
    runs.iter().for_each(|run| print!("{run:>20}"));
    println!();
    for (contender, through) in contenders {
        print!("{contender:30} {through:9}");
        for run in &runs {
            let mut rows = rows.iter();
            let row = rows.find(|row| {
                row.run == *run && row.contender == *contender && row.through == *through
            });
            let text = row.map_or("–".to_owned(), |row| {
                format!("{:.0}", row.over_bare.unwrap_or(row.ns))
            });
            print!("{text:>20}");
        }
        println!();
    }
}

/// Prints who is not there, and why.
pub fn print_missing(missing: &[Missing]) {
    for one in missing {
        println!(
            "– {} {} {}: {}",
            one.name, one.algorithm, one.through, one.reason
        );
    }
}

/// The missing, for programs.
#[must_use]
pub fn missing_json(missing: &[Missing]) -> serde_json::Value {
    let rows = missing.iter().map(|one| {
        serde_json::json!({
            "contender": one.name,
            "algorithm": one.algorithm,
            "through": one.through.to_string(),
            "reason": one.reason,
        })
    });
    rows.collect()
}
