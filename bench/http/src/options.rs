//! The command line.

use std::{env, path::PathBuf, time::Duration};

use crate::{
    generator::Load,
    load::Generator,
    service::{Kind, Service},
};

/// How many rounds are made unless told otherwise.
const PAIRS: usize = 40;
const QUICK_PAIRS: usize = 3;
const USAGE: &str =
    "usage: portcullis-bench-http [--quick | --pairs N] [--load wrk|own] [--json FILE]";

/// What this process is to do.
pub(crate) enum Command {
    /// Be one of the services: what the measuring process starts.
    Serve(Service),
    /// Load one of them: what the measuring process starts with `--load own`.
    Load(Load),
    /// Start the services and measure them.
    Measure(Options),
}

/// How to measure.
pub(crate) struct Options {
    /// How many rounds, each of which gives one pair of the suite and bare axum.
    pub(crate) pairs: usize,
    /// What makes the requests.
    pub(crate) generator: Generator,
    /// Where the figures go as JSON, besides the table on standard output.
    pub(crate) json: Option<PathBuf>,
}

/// Reads the command line.
pub(crate) fn command() -> Result<Command, String> {
    let mut arguments = env::args().skip(1);
    let mut options = Options {
        pairs: PAIRS,
        generator: Generator::Wrk,
        json: None,
    };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "serve" => {
                return Ok(Command::Serve(Service {
                    kind: Kind::named(&value()?).ok_or(USAGE)?,
                    issuer: value()?,
                    audience: value()?,
                    algorithm: value()?,
                    token: value()?,
                }));
            }
            "load" => {
                let port = value()?.parse().map_err(|_| USAGE)?;
                let milliseconds = value()?.parse().map_err(|_| USAGE)?;
                return Ok(Command::Load(Load {
                    port,
                    duration: Duration::from_millis(milliseconds),
                    token: value()?,
                }));
            }
            "--load" => options.generator = Generator::named(&value()?).ok_or(USAGE)?,
            "--quick" => options.pairs = QUICK_PAIRS,
            "--pairs" => {
                let pairs = value()?.parse().ok().filter(|&pairs| pairs > 0);
                options.pairs = pairs.ok_or("--pairs needs a number from 1")?;
            }
            "--json" => options.json = Some(value()?.into()),
            _ => return Err(USAGE.into()),
        }
    }
    Ok(Command::Measure(options))
}
