//! The command line of all binaries.

use std::{path::PathBuf, process::exit};

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Fewer rounds and fewer tokens.
    pub quick: bool,
    /// Where the results go as JSON.
    pub json: Option<PathBuf>,
    /// Measures only contenders whose name contains this, beside the suite and the bare services.
    pub only: Option<String>,
}

impl Options {
    /// From the process's arguments; ends the process where they are wrong.
    #[must_use]
    pub fn parse() -> Self {
        let mut options = Self::default();
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--json" => options.json = Some(value(&argument, arguments.next()).into()),
                "--only" => options.only = Some(value(&argument, arguments.next())),
                _ => usage(&format!("{argument}: what is that?")),
            }
        }
        options
    }

    /// Whether a contender of this name takes part.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        let only = self.only.as_deref();
        only.is_none_or(|part| name.contains(part) || name == crate::contenders::SUITE)
    }
}

fn value(option: &str, value: Option<String>) -> String {
    value.unwrap_or_else(|| usage(&format!("{option} needs a value")))
}

fn usage(problem: &str) -> ! {
    eprintln!("{problem}\nusage: [--quick] [--json FILE] [--only PART-OF-A-NAME]");
    exit(2)
}
