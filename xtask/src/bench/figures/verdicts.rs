//! What contenders let in, and what they keep out.

use serde_json::Value;

use crate::Failure;
use crate::bench::json::{list, text};
use crate::bench::table::Table;

/// What one contender said.
#[derive(Default)]
struct Judged<'a> {
    name: &'a str,
    way: &'a str,
    cases: Vec<&'a str>,
    let_in: Vec<&'a str>,
    kept_out: Vec<&'a str>,
    errors: Vec<&'a str>,
}

/// A row for each contender.
pub(super) fn show(figures: &Value) -> Result<String, Failure> {
    let mut table = Table::new(
        ["", "right", "let in", "kept out", "error of the server"],
        5,
    );
    for judged in judged(list(figures, "verdicts")?) {
        let wrong = [&judged.let_in, &judged.kept_out, &judged.errors];
        let count: usize = wrong.iter().map(|cases| cases.len()).sum();
        let all = judged.cases.len();
        let mut cells = vec![
            format!("{}, {}", judged.name, judged.way),
            format!("{} of {all}", all.saturating_sub(count)),
        ];
        cells.extend(wrong.map(|cases| match cases.len() {
            0 => "–".to_owned(),
            _ => cases.join("; "),
        }));
        table.row(cells);
    }
    Ok(format!(
        "Right: how many requests are answered as the standards ask for, with tokens of every algorithm. Let in: what \
         must stay out. Kept out: what may come in. Error of the server: a bad request answered by a status of 500 or \
         more, a panic, or not at all.\n\n{table}"
    ))
}

fn judged(verdicts: &[Value]) -> Vec<Judged<'_>> {
    let mut all: Vec<Judged<'_>> = Vec::new();
    for verdict in verdicts {
        let [name, way, case, said] =
            ["contender", "through", "case", "verdict"].map(|key| text(verdict, key));
        let mut known = all.iter();
        let at = known.position(|judged| (judged.name, judged.way) == (name, way));
        let at = at.unwrap_or_else(|| {
            all.push(Judged {
                name,
                way,
                ..Judged::default()
            });
            all.len() - 1
        });
        let judged = &mut all[at];
        note(&mut judged.cases, case);
        if verdict["right"] != true {
            let list = match (said, verdict["should_pass"] == true) {
                ("200" | "pass", false) => &mut judged.let_in,
                (refused, true) if refused.starts_with('4') || refused == "refuse" => {
                    &mut judged.kept_out
                }
                _ => &mut judged.errors,
            };
            note(list, case);
        }
    }
    all
}

/// Each case once: it is asked with every algorithm.
fn note<'a>(cases: &mut Vec<&'a str>, case: &'a str) {
    if !cases.contains(&case) {
        cases.push(case);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_wrong_verdict_is_of_one_of_three_kinds() {
        let verdict = |case: &str, should_pass: bool, said: &str, right: bool| {
            json!({ "contender": "one", "through": "axum", "case": case, "should_pass": should_pass,
                    "verdict": said, "right": right })
        };
        let verdicts = [
            verdict("good", true, "200", true),
            verdict("expired", false, "200", false),
            verdict("expired", false, "401", true), // with another algorithm
            verdict("lower case", true, "401", false),
            verdict("no alg", false, "500", false),
            verdict("good, slow", true, "hang", false),
        ];
        let judged = &judged(&verdicts)[0];
        assert_eq!(judged.cases.len(), 5);
        assert_eq!(judged.let_in, ["expired"]);
        assert_eq!(judged.kept_out, ["lower case"]);
        assert_eq!(judged.errors, ["no alg", "good, slow"]);
    }
}
