//! `portcullis keys scan`

mod report;
mod walk;

use std::{
    error::Error,
    fs::File,
    io::{self, IsTerminal, Read, stdin},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use portcullis_api_key::KeyPrefix;

use self::{report::Report, walk::Files};
use super::{
    finder::Finder,
    store::{Missing, StoreArgs},
};
use crate::{
    misuse::misuse,
    output::{self, Outcome},
    values,
};

#[derive(Args, Debug)]
pub(crate) struct Scan {
    /// Files and folders; standard input if none is given, or for `-`.
    paths: Vec<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
    /// Only keys with this prefix. May be repeated.
    #[arg(long, value_parser = values::key_prefix)]
    prefix: Vec<KeyPrefix>,
    /// Revoke the keys that are live.
    #[arg(long)]
    revoke: bool,
    /// Why they are revoked, for the record.
    #[arg(
        long,
        requires = "revoke",
        default_value = "leaked: found by `portcullis keys scan`"
    )]
    reason: String,
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

/// The exit status for a scan that found no live key and is incomplete.
const INCOMPLETE: u8 = 3;

pub(super) async fn run(scan: Scan) -> Outcome {
    let is_stdin = scan.paths.is_empty();
    if is_stdin && stdin().is_terminal() {
        return Err(misuse(
            "give a file or a folder, or pipe a text into the command",
        ));
    }
    if scan.revoke && !scan.store.is_given() {
        return Err(misuse("--revoke needs the store of the keys: give --store"));
    }
    // A scan that cannot check the keys has found no live one.
    let report = async {
        let mut report = open(&scan).await?;
        if is_stdin {
            read(&mut report, None, stdin()).await?;
        }
        for path in &scan.paths {
            match path.as_os_str() == "-" {
                true => read(&mut report, None, stdin()).await?,
                false => walk(&mut report, path).await?,
            }
        }
        Ok::<_, Box<dyn Error>>(report)
    };
    match report.await {
        Ok(report) => report.end(),
        Err(error) if error.is::<clap::Error>() => Err(error),
        Err(error) => {
            output::error(&*error);
            Ok(ExitCode::from(INCOMPLETE))
        }
    }
}

async fn open(scan: &Scan) -> Result<Report, Box<dyn Error>> {
    let store = match scan.store.is_given() {
        true => Some(scan.store.open(Missing::Rejected).await?),
        false => None,
    };
    if let Some(store) = store.as_ref().filter(|_| scan.revoke) {
        store.warn_of_other_links();
    }
    let reason = scan.revoke.then(|| scan.reason.clone());
    Ok(Report::new(store, scan.prefix.clone(), reason, scan.json))
}

async fn walk(report: &mut Report, path: &Path) -> Result<(), Box<dyn Error>> {
    for file in Files::of(path.to_owned()) {
        let opened = file.and_then(|path| match File::open(&path) {
            Ok(file) => Ok((path, file)),
            Err(error) => Err((path, error)),
        });
        match opened {
            Ok((path, file)) => read(report, Some(&path), file).await?,
            Err((path, error)) => report.unread(Some(&path), &error),
        }
    }
    Ok(())
}

async fn read(
    report: &mut Report,
    path: Option<&Path>,
    reader: impl Read,
) -> Result<(), Box<dyn Error>> {
    let mut finder = Finder::new(reader);
    report.next_file();
    loop {
        let block: io::Result<_> = finder.read_block();
        match block {
            Ok((read, found)) => {
                for found in &found {
                    report.found(path, found).await?;
                }
                if read == 0 {
                    return Ok(());
                }
                report.advance(read as u64);
            }
            Err(error) => {
                report.unread(path, &error);
                return Ok(());
            }
        }
    }
}
