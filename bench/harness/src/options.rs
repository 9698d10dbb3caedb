//! The command line of the binaries that compare contenders.

use std::{fs, io, path::PathBuf, process::exit};

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Less of everything, to see whether it runs.
    pub quick: bool,
    /// Where the results go as JSON.
    pub json: Option<PathBuf>,
    /// Measures only contenders whose name contains this, beside those that are always measured.
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
        self.only.as_deref().is_none_or(|part| name.contains(part))
    }

    /// Writes the results where they were asked for.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write(&self, results: &serde_json::Value) -> io::Result<()> {
        match &self.json {
            Some(path) => fs::write(path, format!("{results:#}\n")),
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
