//! Prints what each check costs, in nanoseconds over the service without it.

use std::time::Duration;

use portcullis_bench_common::{ALGORITHMS, Contender, Table, grouped, is_quick, measure};
use portcullis_bench_incoming::{
    Error,
    check::{Credentials, Through, bare},
    contenders::{Entry, RIVALS, SUITE, api_keys, set_up},
    site::Site,
};

/// More tokens than the suite's cache holds, sent before new ones are measured.
const FILLING: usize = 32 * 1024;
/// New tokens. No contender takes as many, so none comes twice.
const NEW: usize = 16 * 1024;
/// Calls per round with new tokens.
const NEW_PER_ROUND: usize = 128;

fn main() -> Result<(), Error> {
    let quick = is_quick();
    println!("### Tokens\n");
    println!(
        "Nanoseconds per request over the bare service, and as a multiple of the suite's through the same stack. The \
         bare rows are absolute.\n"
    );
    for algorithm in ALGORITHMS {
        let site = Site::start(algorithm);
        let (filling, new) = if quick { (1024, 2048) } else { (FILLING, NEW) };
        let tokens = site.mint(filling + new);
        let entries: Vec<Entry> = set_up(&site).into_iter().map(|(_, entry)| entry).collect();

        let (rounds, batch) = if quick { (15, 1) } else { (120, 4) };
        let same = |_: &Entry| Credentials::tokens(&tokens[..1], 0);
        let repeated = timings(&entries, same, rounds, batch, usize::MAX);

        for entry in entries.iter().filter(|entry| entry.caches) {
            let mut credentials = Credentials::tokens(&tokens, 0);
            for _ in 0..filling {
                let headers = credentials.next_headers();
                entry.check.verdict(&site.runtime, &headers);
            }
        }
        let (rounds, batch) = if quick { (15, 1) } else { (100, 2) };
        let distinct = |_: &Entry| Credentials::tokens(&tokens, filling);
        let new = timings(&entries, distinct, rounds, batch, NEW_PER_ROUND);

        println!("{algorithm}:\n");
        print(&["one token", "new tokens"], &[repeated, new]);
    }

    println!("### API keys\n");
    println!(
        "Nanoseconds per request over the bare service, one credential again and again. The static bearer compares the \
         header with one fixed value.\n"
    );
    let (entries, credentials): (Vec<_>, Vec<_>) = api_keys()?.into_iter().unzip();
    let mut credentials = credentials.into_iter().cycle();
    let mut next = |_: &Entry| credentials.next().expect("a cycle");
    let (rounds, batch) = if quick { (15, 1) } else { (120, 4) };
    let keys = timings(&entries, &mut next, rounds, batch, usize::MAX);
    print(&["one key"], &[keys]);

    println!("### The contenders\n");
    for rival in RIVALS {
        println!("- **{}**: {}.", rival.name, rival.note);
    }
    println!();
    Ok(())
}

struct Timing {
    name: String,
    through: Through,
    nanoseconds: f64,
    /// A multiple of the suite's through the same stack.
    ratio: Option<f64>,
}

/// Measures the entries, and the bare service of each kind before them.
fn timings(
    entries: &[Entry],
    mut credentials: impl FnMut(&Entry) -> Credentials,
    rounds: usize,
    milliseconds: u64,
    most: usize,
) -> Vec<Timing> {
    let mut kinds: Vec<(Through, bool)> = Vec::new();
    for entry in entries {
        let kind = (entry.through, entry.is_axum_07);
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let ignored = Credentials::tokens(&["ignored".to_owned()], 0);
    let mut contenders: Vec<Contender> = kinds
        .iter()
        .map(|&(through, is_axum_07)| {
            let name = if is_axum_07 {
                "bare (axum 0.7)"
            } else {
                "bare"
            };
            bare(through, is_axum_07).contender(name, ignored.clone())
        })
        .collect();
    for entry in entries {
        contenders.push(entry.check.contender(entry.name, credentials(entry)));
    }
    let batch = Duration::from_millis(milliseconds);
    measure(&mut contenders, rounds, batch, most);

    let (bare, measured) = contenders.split_at(kinds.len());
    let over_bare: Vec<f64> = entries
        .iter()
        .zip(measured)
        .map(|(entry, contender)| {
            let kind = (entry.through, entry.is_axum_07);
            let at = kinds.iter().position(|other| *other == kind);
            contender.over(&bare[at.expect("every kind has a bare service")])
        })
        .collect();
    let of_suite = |through| {
        let at = entries
            .iter()
            .position(|entry| entry.name == SUITE && entry.through == through)?;
        Some(over_bare[at])
    };
    let absolute = kinds
        .iter()
        .zip(bare)
        .map(|(&(through, _), contender)| Timing {
            name: contender.name().to_owned(),
            through,
            nanoseconds: contender.nanoseconds(),
            ratio: None,
        });
    let relative = entries.iter().zip(&over_bare).map(|(entry, &over)| Timing {
        name: entry.name.to_owned(),
        through: entry.through,
        nanoseconds: over,
        ratio: of_suite(entry.through)
            .filter(|_| entry.name != SUITE)
            .map(|suite| over / suite),
    });
    absolute.chain(relative).collect()
}

/// Prints runs over the same entries side by side.
fn print(headings: &[&str], runs: &[Vec<Timing>]) {
    let mut table = Table::new(2, &[&["", "through"], headings].concat());
    for (at, timing) in runs[0].iter().enumerate() {
        let cells = runs.iter().map(|run| {
            let Timing {
                nanoseconds, ratio, ..
            } = &run[at];
            match ratio {
                Some(ratio) if *ratio < 10.0 => format!("{} ({ratio:.2}×)", grouped(*nanoseconds)),
                Some(ratio) => format!("{} ({}×)", grouped(*nanoseconds), grouped(*ratio)),
                None => grouped(*nanoseconds),
            }
        });
        let names = [timing.name.clone(), timing.through.to_string()];
        table.row(names.into_iter().chain(cells));
    }
    println!("{table}");
}
