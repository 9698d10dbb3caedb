//! The page of figures: what was measured is put between two marks, the prose around them stays.

use std::fs;
use std::process::Command;

use crate::Failure;
use crate::shell::{output, root};

const BEGIN: &str = "<!-- figures -->";
const END: &str = "<!-- /figures -->";

/// Replaces the figures in `docs/performance.md`.
///
/// # Errors
///
/// When the page is not there, or lacks a mark.
pub(super) fn write(sections: &[(&str, String)]) -> Result<(), Failure> {
    let path = root().join("docs/performance.md");
    let explain = |problem: String| format!("{}: {problem}", path.display());
    let page = fs::read_to_string(&path).map_err(|error| explain(error.to_string()))?;
    let (Some(begin), Some(end)) = (page.find(BEGIN), page.find(END)) else {
        return Err(explain(format!("lacks {BEGIN} or {END}")));
    };
    let mut figures = format!("{BEGIN}\n\n{}\n", machine());
    for (heading, text) in sections {
        figures.push_str(&format!(
            "\n### {heading}\n\n```text\n{}\n```\n",
            trimmed(text)
        ));
    }
    let page = format!("{}{figures}\n{}", &page[..begin], &page[end..]);
    fs::write(&path, page).map_err(|error| explain(error.to_string()))
}

/// Without white space at the ends of lines.
fn trimmed(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

/// What the figures are of.
fn machine() -> String {
    let said = |program: &str, arguments: &[&str]| {
        output(Command::new(program).args(arguments)).unwrap_or_else(|_| "unknown".to_owned())
    };
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown", |(_, model)| model.trim());
    format!(
        "| | |\n|---|---|\n| date | {} |\n| processor | {model}, {} cores |\n| kernel | {} |\n| compiler | {} |",
        said("date", &["--utc", "--iso-8601"]),
        said("nproc", &[]),
        said("uname", &["-sr"]),
        said("rustc", &["--version"]),
    )
}
