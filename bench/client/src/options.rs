//! The command line of all binaries.

use std::{fs, io, path::PathBuf, process::exit};

use crate::Contender;

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Fewer rounds, fewer callers and shorter lives.
    pub quick: bool,
    /// Where the results go as JSON.
    pub json: Option<PathBuf>,
    /// Measures only contenders whose name contains this, beside the suite, the floor and the bare client.
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

    /// Whether a contender takes part.
    #[must_use]
    pub fn wants(&self, contender: Contender) -> bool {
        let only = self.only.as_deref();
        let always = matches!(
            contender,
            Contender::Bare | Contender::Floor | Contender::Suite
        );
        always || only.is_none_or(|part| contender.name().contains(part))
    }

    /// Writes the results where they were asked for.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write(&self, value: &serde_json::Value) -> io::Result<()> {
        match &self.json {
            Some(path) => fs::write(path, format!("{value:#}\n")),
            None => Ok(()),
        }
    }
}

fn value(option: &str, value: Option<String>) -> String {
    value.unwrap_or_else(|| usage(&format!("{option} needs a value")))
}

fn usage(problem: &str) -> ! {
    eprintln!("{problem}\nusage: [--quick] [--json FILE] [--only PART-OF-A-NAME]");
    exit(2)
}
