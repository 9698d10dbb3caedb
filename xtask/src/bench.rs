//! `cargo xtask bench`: runs every benchmark, and writes their tables into `docs/performance.md`.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::{env, fs, thread};

use crate::shell::{cargo, output, root, run as run_command, show};
use crate::{Failure, instructions, needs};

/// The programs of the `bench` workspace: package and binary. Each prints Markdown.
const PROGRAMS: [(&str, &str); 5] = [
    ("portcullis-bench-incoming", "latency"),
    ("portcullis-bench-incoming", "verdicts"),
    ("portcullis-bench-growth", "portcullis-bench-growth"),
    ("portcullis-bench-outgoing", "portcullis-bench-outgoing"),
    ("portcullis-bench-http", "portcullis-bench-http"),
];

const BEGIN: &str = "<!-- figures -->";
const END: &str = "<!-- /figures -->";

/// Measures, and replaces the figures in `docs/performance.md`; with `quick`, measures briefly and prints instead.
///
/// # Errors
///
/// When a benchmark cannot be built or fails, or when the page cannot be written.
pub(crate) fn run(quick: bool) -> Result<(), Failure> {
    needs::wrk()?;
    let target = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("bench/target"), |chosen| root().join(chosen));
    build(&target)?;
    let mut figures = machine();
    for (_, binary) in PROGRAMS {
        let mut command = Command::new(target.join("release").join(binary));
        command
            .args(quick.then_some("--quick"))
            .stdin(Stdio::null());
        show(&command);
        figures += &format!("\n{}\n", output(&mut command)?);
    }
    figures += &format!("\n{}", instructions::recorded()?);
    if quick {
        println!("{figures}");
        return Ok(());
    }
    let page = root().join("docs/performance.md");
    let failed = |error| format!("{}: {error}", page.display());
    let text = fs::read_to_string(&page).map_err(failed)?;
    let text = with_figures(&text, &figures)
        .ok_or_else(|| format!("{} lacks {BEGIN} or {END}", page.display()))?;
    fs::write(&page, text).map_err(failed)
}

/// Builds each package by itself, so that no features of another's dependencies are on, and all before the first run.
fn build(target: &PathBuf) -> Result<(), Failure> {
    let mut packages: Vec<&str> = PROGRAMS.iter().map(|(package, _)| *package).collect();
    packages.dedup();
    for package in packages {
        let build = ["build", "--manifest-path=bench/Cargo.toml", "--release"];
        let mut command = cargo(build);
        command.args(["--bins", "--package", package]);
        run_command(command.env("CARGO_TARGET_DIR", target))?;
    }
    Ok(())
}

/// The day, the machine, its system and its compiler, as a table.
fn machine() -> String {
    let answer = |program: &str, arguments: &[&str]| {
        output(Command::new(program).args(arguments)).unwrap_or_else(|_| "unknown".to_owned())
    };
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    format!(
        "| date | processor | cores | kernel | compiler |\n|---|---|---|---|---|\n| {} | {} | {} | {} | {} |\n",
        answer("date", &["-u", "+%Y-%m-%d"]),
        cpu.map_or("unknown", |(_, model)| model.trim()),
        thread::available_parallelism().map_or(0, usize::from),
        answer("uname", &["-sr"]),
        answer("rustc", &["--version"]),
    )
}

fn with_figures(page: &str, figures: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    let figures = figures.trim();
    Some(format!("{before}{BEGIN}\n\n{figures}\n\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_between_the_marks_is_replaced() {
        let page = "before\n<!-- figures -->\nold\n<!-- /figures -->\nafter\n";
        let new = "before\n<!-- figures -->\n\nnew\n\n<!-- /figures -->\nafter\n";
        assert_eq!(with_figures(page, "new\n").as_deref(), Some(new));
        assert_eq!(with_figures(new, "new").as_deref(), Some(new));
        assert_eq!(with_figures("<!-- figures -->", "new"), None);
    }
}
