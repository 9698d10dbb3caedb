//! Prints how each check judges requests that must be refused, and some that must not be.

use std::{collections::BTreeMap, panic};

use portcullis_bench_common::{ALGORITHMS, Table};
use portcullis_bench_incoming::{
    cases::cases,
    check::{Through, Verdict},
    contenders::{RIVALS, set_up},
    site::Site,
};

/// The names of cases that one contender got wrong, in the order of the cases.
#[derive(Default)]
struct Wrong {
    let_in: Vec<&'static str>,
    kept_out: Vec<&'static str>,
    server_error: Vec<&'static str>,
    through: Option<Through>,
}

fn main() {
    panic::set_hook(Box::new(|_| {})); // a panic is a verdict
    let mut wrong: BTreeMap<&str, Wrong> = BTreeMap::new();
    let mut count = 0;
    println!("### Verdicts\n");
    for algorithm in ALGORITHMS {
        let site = Site::start(algorithm);
        let cases = cases(&site);
        count = cases.len();
        for (rival, entry) in set_up(&site) {
            let wrong = wrong.entry(rival.name).or_default();
            // The check is the same through either stack.
            if rival.is_signature_alone
                || *wrong.through.get_or_insert(entry.through) != entry.through
            {
                continue;
            }
            for case in &cases {
                let verdict = entry.check.verdict(&site.runtime, &case.headers);
                let list = match verdict {
                    Verdict::Status(200) if case.good => continue,
                    Verdict::Status(200) => &mut wrong.let_in,
                    Verdict::Status(..500) | Verdict::Error if case.good => &mut wrong.kept_out,
                    Verdict::Status(..500) | Verdict::Error => continue,
                    _ => &mut wrong.server_error,
                };
                if !list.contains(&case.name) {
                    list.push(case.name);
                }
            }
        }
    }
    println!(
        "Right: how many requests are answered as the standards require, with tokens of every algorithm. Let in: must be \
         refused. Kept out: must be accepted. Server error: a bad request answered by a status of 500 or more, a panic, or \
         not at all. Some rows count only against a crate that claims the standard behind them: RFC 9068 for ID tokens, \
         RFC 7800 for `cnf`.\n"
    );
    let headings = ["", "right", "let in", "kept out", "server error"];
    let mut table = Table::new(5, &headings);
    for rival in RIVALS.iter().filter(|rival| !rival.is_signature_alone) {
        let Some(wrong) = wrong.get(rival.name) else {
            continue;
        };
        let lists = [&wrong.let_in, &wrong.kept_out, &wrong.server_error];
        let mut all: Vec<&str> = lists.into_iter().flatten().copied().collect();
        all.sort_unstable();
        all.dedup();
        let text = |names: &Vec<&str>| match &names[..] {
            [] => "–".to_owned(),
            names => names.join("; "),
        };
        let right = format!("{} of {count}", count - all.len());
        let cells = [rival.name.to_owned(), right];
        table.row(cells.into_iter().chain(lists.map(text)));
    }
    println!("{table}");
}
