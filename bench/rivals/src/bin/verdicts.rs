//! What every contender says to requests that must not get through.

use std::panic;

use portcullis_bench_rivals::{
    Options, Verdict, cases::cases, contenders::RAW, report, rivals, rows::entries,
    runs::ALGORITHMS, site::Site, with_several_issuers,
};
use serde_json::json;

/// The columns' width.
const WIDTH: usize = 9;

fn main() -> std::io::Result<()> {
    let options = Options::parse();
    panic::set_hook(Box::new(|_| {})); // a panic is a verdict here
    let mut results = Vec::new();
    let mut everyone_missing = Vec::new();
    for algorithm in ALGORITHMS {
        let site = Site::start(algorithm);
        let everyone: Vec<_> = rivals().into_iter().chain(with_several_issuers()).collect();
        let (mut entries, missing) = entries(&site, &everyone, &options);
        // One way is enough: the check is the same.
        let mut names = Vec::new();
        entries.retain(|entry| {
            let first = !names.contains(&entry.name);
            names.push(entry.name);
            first && entry.name != RAW
        });
        println!("\n{algorithm}");
        for (column, entry) in entries.iter().enumerate() {
            println!("  {column} = {} ({})", entry.name, entry.through);
        }
        print!("{:33}", "");
        (0..entries.len()).for_each(|column| print!("{column:>WIDTH$}"));
        println!();
        for case in cases(&site) {
            let mut verdicts = Vec::new();
            for entry in &mut entries {
                let verdict = entry.target.verdict(&site.runtime, &case.headers);
                verdicts.push(verdict);
                results.push(json!({
                    "algorithm": algorithm.to_string(),
                    "contender": entry.name,
                    "through": entry.through.to_string(),
                    "case": case.name,
                    "should_pass": case.good,
                    "verdict": verdict.to_string(),
                    "right": right(verdict, case.good),
                }));
            }
            print!("{:33}", case.name);
            for verdict in verdicts {
                let mark = if right(verdict, case.good) { "" } else { "!" };
                print!("{:>WIDTH$}", format!("{mark}{verdict}"));
            }
            println!();
        }
        report::print_missing(&missing);
        everyone_missing.extend(missing);
    }
    println!(
        "\n! = let in what must stay out, kept out what may come in, or failed to answer as an error of the caller"
    );
    let value = json!({ "verdicts": results, "missing": report::missing_json(&everyone_missing) });
    options.write(&value)
}

/// Whether a verdict is what the standards ask for: 4xx for a bad request; a 5xx blames the server for it.
const fn right(verdict: Verdict, good: bool) -> bool {
    match verdict {
        Verdict::Status(status) => (status == 200) == good && status < 500,
        Verdict::Pass => good,
        Verdict::Refuse => !good,
        Verdict::Panic | Verdict::Hang => false,
    }
}
