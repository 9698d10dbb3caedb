//! The figures, as a section of Markdown for each thing that was measured.

mod client;
mod cost;
mod growth;
mod http;
mod instructions;
mod verdicts;

use serde_json::Value;

use super::COMMAND;
use super::part::{Outcome, Part};
use crate::Failure;

/// How figures of a part become text.
type Show = fn(&Value) -> Result<String, Failure>;

/// What has figures of several parts.
const OUTGOING: &str = "Outgoing calls";

/// The headings, in the order of the page, each with the part whose figures stand there; one that is repeated goes on.
const SECTIONS: [(&str, &str, Show); 11] = [
    ("Time, in process", "latency", cost::tokens),
    ("API keys, and the floor", "latency", cost::keys),
    ("Refusals", "latency", cost::refusals),
    ("Allocations", "allocations", cost::allocations),
    ("Verdicts", "verdicts", verdicts::show),
    ("Growth and threads", "growth", growth::show),
    ("Memory of API keys", "memory", growth::memory),
    (OUTGOING, "client_latency", client::time),
    (OUTGOING, "client_allocations", client::allocations),
    (OUTGOING, "client_behaviour", client::behaviour),
    ("HTTP/1.1 on loopback", "portcullis-bench-http", http::show),
];

/// All of them, below the facts of the `machine`.
///
/// # Errors
///
/// When figures have another form than expected.
pub(super) fn of(
    outcomes: &[(&Part, Outcome)],
    machine: &str,
    quick: bool,
) -> Result<String, Failure> {
    let mut text = machine.to_owned();
    if quick {
        text += &format!("\nMeasured briefly, by `{COMMAND} --quick`: not to be quoted.\n");
    }
    let mut above = "";
    for (heading, name, show) in SECTIONS {
        if heading != above {
            text += &format!("\n### {heading}\n");
            above = heading;
        }
        text += "\n";
        let mut outcomes = outcomes.iter();
        text += &match outcomes.find(|(part, _)| part.name == name) {
            Some((_, Outcome::Taken(figures))) => {
                show(figures).map_err(|failure| format!("{name}.json: {failure}"))?
            }
            Some((_, Outcome::LeftOut(reason))) => format!("Left out: {reason}.\n"),
            Some((_, Outcome::Failed(_))) | None => "Not measured: it failed.\n".to_owned(),
        };
    }
    text += &format!("\n### Instructions\n\n{}", instructions::show()?);
    if let Some((_, Outcome::Taken(figures))) =
        outcomes.iter().find(|(part, _)| part.name == "latency")
    {
        text += &format!("\n### The contenders\n\n{}", cost::contenders(figures)?);
    }
    Ok(text)
}
