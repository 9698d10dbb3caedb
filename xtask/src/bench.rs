//! `cargo xtask bench`: every measurement, and the page that shows them.

mod page;
mod plot;

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Failure;
use crate::apt;
use crate::shell::{answers, cargo, output, root, run as run_command, show};

/// One program of the bench workspace and the heading its figures stand under.
struct Measurement {
    heading: &'static str,
    package: &'static str,
    program: &'static str,
    /// Beside what is measured nothing else runs on this processor; the programs that need both pin themselves.
    pinned: bool,
}

const MEASUREMENTS: [Measurement; 6] = [
    Measurement {
        heading: "Nanoseconds, in process",
        package: "portcullis-bench-rivals",
        program: "latency",
        pinned: true,
    },
    Measurement {
        heading: "Allocations",
        package: "portcullis-bench-rivals",
        program: "allocations",
        pinned: true,
    },
    Measurement {
        heading: "Verdicts",
        package: "portcullis-bench-rivals",
        program: "verdicts",
        pinned: true,
    },
    Measurement {
        heading: "Growth, and two threads",
        package: "portcullis-bench-growth",
        program: "growth",
        pinned: false,
    },
    Measurement {
        heading: "Memory of API keys",
        package: "portcullis-bench-growth",
        program: "memory",
        pinned: true,
    },
    Measurement {
        heading: "Over HTTP/1.1 on loopback",
        package: "portcullis-bench-http",
        program: "portcullis-bench-http",
        pinned: false,
    },
];

/// Runs every measurement; `quick` is for trying it out, and leaves the page alone.
///
/// # Errors
///
/// When something cannot be built, or a measurement fails.
pub(crate) fn run(quick: bool) -> Result<(), Failure> {
    provide_load_generator()?;
    let bench = root().join("bench");
    run_command(
        cargo(["build", "--release", "--workspace"])
            .current_dir(&bench)
            .env("CARGO_TARGET_DIR", bench.join("target")),
    )?;
    let results = bench.join("target/results");
    fs::create_dir_all(&results).map_err(|error| format!("{}: {error}", results.display()))?;
    let mut sections = Vec::new();
    for measurement in &MEASUREMENTS {
        let text = measurement.take(&bench, &results, quick)?;
        println!("{text}");
        sections.push((measurement.heading, text));
    }
    if quick {
        return Ok(());
    }
    page::write(&sections)?;
    plot::write(&results.join("latency.json"))
}

impl Measurement {
    /// What the program prints. Its figures also go to a file of JSON.
    fn take(&self, bench: &Path, results: &Path, quick: bool) -> Result<String, Failure> {
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
            .current_dir(bench);
        if quick {
            command.arg("--quick");
        }
        show(&command);
        output(&mut command).map_err(|failure| format!("{}: {failure}", self.package))
    }
}

fn provide_load_generator() -> Result<(), Failure> {
    // It answers `--version` with its usage and an exit code of 1.
    if Path::new("/usr/bin/wrk").exists() {
        Ok(())
    } else {
        apt::install(&["wrk", "util-linux"])
    }
}
