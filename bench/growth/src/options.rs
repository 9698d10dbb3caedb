//! The command line, which both programs share.

use std::{env, error::Error, path::PathBuf};

use serde_json::Value;

/// How to measure.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Fewer rounds and smaller sizes, to see that all works.
    pub quick: bool,
    /// Where the figures go as JSON, besides the tables on standard output.
    pub json: Option<PathBuf>,
}

impl Options {
    /// Reads the command line.
    ///
    /// # Errors
    ///
    /// If there is something else than `--quick` and `--json FILE` on it.
    pub fn read() -> Result<Self, Box<dyn Error>> {
        let mut options = Self::default();
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--json" => {
                    options.json = Some(arguments.next().ok_or("--json needs a file")?.into())
                }
                _ => return Err("usage: [--quick] [--json FILE]".into()),
            }
        }
        Ok(options)
    }

    /// Writes the figures where they are wanted.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn write(&self, figures: &Value) -> Result<(), Box<dyn Error>> {
        if let Some(path) = &self.json {
            std::fs::write(path, figures.to_string())?;
        }
        Ok(())
    }
}
