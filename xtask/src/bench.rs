//! `cargo xtask bench`: every measurement, and the page that shows them.

mod page;
mod plot;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::shell::{answers, cargo, output, root, run as run_command, show};

/// One program of the bench workspace and the heading its figures stand under.
struct Measurement {
    heading: &'static str,
    package: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    /// Whether it is held to one processor from outside; the programs that need both hold themselves.
    pinned: bool,
}

const MEASUREMENTS: [Measurement; 6] = [
    Measurement {
        heading: "Nanoseconds, in process",
        package: "portcullis-bench-rivals",
        program: "latency",
        arguments: &[],
        pinned: true,
    },
    Measurement {
        heading: "Allocations",
        package: "portcullis-bench-rivals",
        program: "allocations",
        arguments: &[],
        pinned: true,
    },
    Measurement {
        heading: "Verdicts",
        package: "portcullis-bench-rivals",
        program: "verdicts",
        arguments: &[],
        pinned: true,
    },
    Measurement {
        heading: "Growth, and two threads",
        package: "portcullis-bench-growth",
        program: "growth",
        arguments: &[],
        pinned: false,
    },
    Measurement {
        heading: "Memory of API keys",
        package: "portcullis-bench-growth",
        program: "memory",
        arguments: &[],
        pinned: true,
    },
    Measurement {
        heading: "Over HTTP/1.1 on loopback",
        package: "portcullis-bench-http",
        program: "portcullis-bench-http",
        // wrk reaches the end of its processor before a bare server does, which flatters every other.
        arguments: &["--load", "own"],
        pinned: false,
    },
];

/// Runs every measurement and rewrites the page; `quick` is for trying it out, and leaves the page alone.
///
/// # Errors
///
/// When something cannot be built, or a measurement fails.
pub(crate) fn run(quick: bool) -> Result<(), Failure> {
    let results = results();
    fs::create_dir_all(&results).map_err(|error| format!("{}: {error}", results.display()))?;
    for measurement in &MEASUREMENTS {
        let text = measurement.take(&results, quick)?;
        println!("{text}");
        if !quick {
            let path = measurement.text(&results);
            fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    if quick { Ok(()) } else { show_results() }
}

/// Rewrites the page and its picture from the last results.
///
/// # Errors
///
/// When there are none.
pub(crate) fn show_results() -> Result<(), Failure> {
    let results = results();
    let mut sections = Vec::new();
    for measurement in &MEASUREMENTS {
        let path = measurement.text(&results);
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("{}: {error}; run `cargo xtask bench`", path.display()))?;
        sections.push((measurement.heading, text));
    }
    page::write(&sections)?;
    plot::write(&results.join("latency.json"))
}

fn results() -> PathBuf {
    root().join("bench/target/results")
}

impl Measurement {
    fn text(&self, results: &Path) -> PathBuf {
        results.join(format!("{}.txt", self.program))
    }

    /// What the program prints. Its figures also go to a file of JSON.
    fn take(&self, results: &Path, quick: bool) -> Result<String, Failure> {
        let bench = root().join("bench");
        // Each package by itself, so that none gets the features that another asks of their dependencies.
        run_command(
            cargo(["build", "--release", "--package", self.package])
                .current_dir(&bench)
                .env("CARGO_TARGET_DIR", bench.join("target")),
        )?;
        let program = bench.join("target/release").join(self.program);
        let mut command = if self.pinned && answers("taskset", &["--version"]) {
            let mut command = Command::new("taskset");
            command.args(["-c", "1"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command
            .arg("--json")
            .arg(results.join(format!("{}.json", self.program)))
            .args(self.arguments)
            .current_dir(bench);
        if quick {
            command.arg("--quick");
        }
        show(&command);
        output(&mut command).map_err(|failure| format!("{}: {failure}", self.package))
    }
}
