//! What contenders cost in process: time and allocations.

use serde_json::Value;

use crate::Failure;
use crate::bench::json::{grouped, list, number, text};
use crate::bench::table::Table;

const ALGORITHMS: [&str; 3] = ["RS256", "ES256", "EdDSA"];
const TRAFFIC: [&str; 3] = ["one token", "4096 tokens", "all distinct"];

/// Time with tokens, a table for each algorithm.
pub(super) fn tokens(figures: &Value) -> Result<String, Failure> {
    let rows = list(figures, "timings")?;
    let mut page = String::from(
        "Nanoseconds a request over the bare service of the same way, and as a multiple of the suite's the same way. \
         The bare services and the functions stand by themselves; functions are compared with the suite through \
         tower.\n",
    );
    for algorithm in ALGORITHMS {
        let runs = TRAFFIC.map(|traffic| (format!("{algorithm}, {traffic}"), traffic.to_owned()));
        page += &format!("\n{algorithm}:\n\n{}", Table::of_runs(rows, &runs, time));
    }
    Ok(page)
}

/// Time with what is no token of an issuer.
pub(super) fn keys(figures: &Value) -> Result<String, Failure> {
    let runs = [("no tokens".to_owned(), "one key".to_owned())];
    let table = Table::of_runs(list(figures, "timings")?, &runs, time);
    Ok(format!(
        "Nanoseconds a request over the bare service, one key again and again. The static bearer compares with one \
         fixed value, and knows no callers. The floors know one caller: they find its header, compare, read the clock, \
         strip the header, and tell the handler who it is. The floor of a new token, RS256, remembers nothing: it decodes, \
         checks the signature with one key, parses the claims, and compares issuer, audience and end.\n\n{table}"
    ))
}

/// Time until a request is refused.
pub(super) fn refusals(figures: &Value) -> Result<String, Failure> {
    let rows = list(figures, "timings")?;
    let mut runs: Vec<(String, String)> = Vec::new();
    for row in rows {
        let run = text(row, "run");
        if let Some(reason) = run.strip_prefix("refused: ")
            && runs.iter().all(|(known, _)| known != run)
        {
            runs.push((run.to_owned(), reason.to_owned()));
        }
    }
    // So many columns leave no room for ratios.
    let cell = |row: &Value| Some(nanoseconds(row));
    let table = Table::of_runs(rows, &runs, cell);
    Ok(format!(
        "Nanoseconds until an ES256 token is refused, over the bare service. The same bad token comes again and again; \
         a contender that lets it in, or waits, has no figure.\n\n{table}"
    ))
}

/// Allocations, one table for all that sends tokens and one for the rest.
pub(super) fn allocations(figures: &Value) -> Result<String, Failure> {
    let rows = list(figures, "allocations")?;
    let mut runs = Vec::new();
    for traffic in ["one token", "all distinct"] {
        runs.extend(ALGORITHMS.map(|algorithm| {
            let run = format!("{algorithm}, {traffic}");
            (run.clone(), run)
        }));
    }
    let cell = |row: &Value| {
        let (count, bytes) = if row["count_over_bare"].is_number() {
            ("count_over_bare", "bytes_over_bare")
        } else {
            ("count", "bytes")
        };
        let digits = usize::from(
            row[count]
                .as_f64()
                .is_some_and(|it| (it % 1.0).abs() > 0.05),
        );
        let (count, bytes) = (number(row, count, digits), number(row, bytes, 0));
        Some(format!("{count} ({bytes} B)"))
    };
    let tokens = Table::of_runs(rows, &runs, cell);
    let keys = [("no tokens".to_owned(), "one key".to_owned())];
    let keys = Table::of_runs(rows, &keys, cell);
    Ok(format!(
        "Allocations a request, and their bytes, over the bare service of the same way; functions by themselves.\n\n\
         {tokens}\n{keys}"
    ))
}

/// How contenders are set up, and who is not there.
pub(super) fn contenders(figures: &Value) -> Result<String, Failure> {
    let mut page = String::new();
    for contender in list(figures, "contenders")? {
        let (name, note) = (text(contender, "name"), text(contender, "note"));
        page += &format!("- **{name}**: {note}.\n");
    }
    let missing = list(figures, "missing")?;
    if !missing.is_empty() {
        page += "\nNot there:\n\n";
    }
    for one in missing {
        let [name, way, algorithm, reason] =
            ["contender", "through", "algorithm", "reason"].map(|key| text(one, key));
        page += &format!("- {name} through {way}, {algorithm}: {reason}.\n");
    }
    Ok(page)
}

fn nanoseconds(row: &Value) -> String {
    let over_bare = row["over_bare"].is_number();
    number(row, if over_bare { "over_bare" } else { "ns" }, 0)
}

fn time(row: &Value) -> Option<String> {
    let nanoseconds = nanoseconds(row);
    Some(match row["ratio"].as_f64() {
        Some(ratio) if text(row, "contender") != "portcullis" => {
            let digits = if ratio < 10.0 { 1 } else { 0 };
            format!("{nanoseconds} ({}×)", grouped(ratio, digits))
        }
        _ => nanoseconds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(contender: &str, over_bare: Option<f64>, ratio: Option<f64>) -> Value {
        json!({ "contender": contender, "ns": 200.0, "over_bare": over_bare, "ratio": ratio })
    }

    #[test]
    fn a_cell_is_what_is_over_bare_and_how_many_times_the_suite() {
        let cell = |contender, over_bare, ratio| time(&row(contender, over_bare, ratio));
        assert_eq!(cell("bare", None, None).unwrap(), "200");
        assert_eq!(cell("portcullis", Some(150.4), Some(1.0)).unwrap(), "150");
        let other = cell("another", Some(18_120.0), Some(53.77)).unwrap();
        assert_eq!(other, "18,120 (54×)");
        assert_eq!(cell("function", None, Some(1.25)).unwrap(), "200 (1.2×)");
    }
}
