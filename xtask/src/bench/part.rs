//! The programs that measure, and how each is run.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::shell::{answers, run};
use crate::{Failure, apt};

/// One program of the bench workspace, and what it measures.
pub(super) struct Part {
    /// The name of its figures: of the file, and where the page looks for them.
    pub(super) name: &'static str,
    /// For the user.
    pub(super) what: &'static str,
    package: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    /// Whether it is kept on one core. Threads that need another choose it themselves.
    pinned: bool,
    /// Whether it cannot do without `taskset`, to keep its processes on cores.
    needs_taskset: bool,
}

/// What became of a part.
pub(super) enum Outcome {
    /// Its figures.
    Taken(Value),
    /// What the user should do about it.
    LeftOut(String),
    /// Why.
    Failed(Failure),
}

const IN_PROCESS: Part = Part {
    name: "",
    what: "",
    package: "portcullis-bench-rivals",
    program: "",
    arguments: &[],
    pinned: true,
    needs_taskset: false,
};

const CLIENT: Part = Part {
    package: "portcullis-bench-client",
    ..IN_PROCESS
};

/// All parts, in the order in which they are run.
pub(super) const PARTS: [Part; 9] = [
    Part {
        name: "latency",
        what: "time, in process",
        program: "latency",
        ..IN_PROCESS
    },
    Part {
        name: "allocations",
        what: "allocations",
        program: "allocations",
        ..IN_PROCESS
    },
    Part {
        name: "verdicts",
        what: "verdicts",
        program: "verdicts",
        ..IN_PROCESS
    },
    Part {
        name: "growth",
        what: "growth and threads",
        package: "portcullis-bench-growth",
        program: "growth",
        ..IN_PROCESS
    },
    Part {
        name: "memory",
        what: "memory",
        package: "portcullis-bench-growth",
        program: "memory",
        ..IN_PROCESS
    },
    Part {
        name: "client_latency",
        what: "time of outgoing calls",
        program: "client_latency",
        ..CLIENT
    },
    Part {
        name: "client_allocations",
        what: "allocations of outgoing calls",
        program: "client_allocations",
        ..CLIENT
    },
    Part {
        name: "client_behaviour",
        what: "behaviour of outgoing calls",
        program: "client_behaviour",
        // Thousands of callers and an issuer for each contender.
        pinned: false,
        ..CLIENT
    },
    Part {
        name: "portcullis-bench-http",
        what: "HTTP",
        package: "portcullis-bench-http",
        program: "portcullis-bench-http",
        // wrk reaches the end of its core before a bare server does, which flatters every other.
        arguments: &["--load", "own"],
        pinned: false,
        needs_taskset: true,
    },
];

/// The packages that have their programs.
pub(super) fn packages() -> Vec<&'static str> {
    let mut packages: Vec<&str> = PARTS.iter().map(|part| part.package).collect();
    packages.dedup();
    packages
}

impl Part {
    /// Runs the program, its tables going to the terminal, and reads its figures.
    pub(super) fn take(&self, target: &Path, results: &Path, quick: bool) -> Outcome {
        if self.needs_taskset
            && !answers("taskset", &["--version"])
            && let Err(advice) = apt::install(&["util-linux"])
        {
            return Outcome::LeftOut(advice);
        }
        let file = results.join(format!("{}.json", self.name));
        // Figures of an earlier run must not pass for those of this one.
        let _ = fs::remove_file(&file);
        match run(&mut self.command(target, &file, quick)) {
            Ok(()) => read(&file),
            Err(failure) => Outcome::Failed(failure),
        }
    }

    /// The figures of an earlier run.
    pub(super) fn kept(&self, results: &Path) -> Outcome {
        let file = results.join(format!("{}.json", self.name));
        if file.exists() {
            read(&file)
        } else {
            Outcome::LeftOut("there are no results of it".to_owned())
        }
    }

    fn command(&self, target: &Path, file: &Path, quick: bool) -> Command {
        let program = target.join("release").join(self.program);
        // The first core serves most of the interrupts; and there may be one only.
        let mut command = if self.pinned && answers("taskset", &["-c", "1", "true"]) {
            let mut command = Command::new("taskset");
            command.args(["-c", "1"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command
            .args(self.arguments)
            .args(quick.then_some("--quick"))
            .arg("--json")
            .arg(file);
        command
    }
}

impl Outcome {
    /// Whether there are figures.
    pub(super) fn is_taken(&self) -> bool {
        matches!(self, Self::Taken(_))
    }
}

fn read(file: &Path) -> Outcome {
    let explain = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let value = fs::read_to_string(file)
        .map_err(|error| explain(&error))
        .and_then(|text| serde_json::from_str(&text).map_err(|error| explain(&error)));
    value.map_or_else(Outcome::Failed, Outcome::Taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_that_are_not_there_are_left_out() {
        let outcome = PARTS[0].kept(Path::new("/nonexistent"));
        assert!(matches!(outcome, Outcome::LeftOut(_)));
    }

    #[test]
    fn every_part_has_figures_of_its_own() {
        let mut names: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PARTS.len());
    }
}
