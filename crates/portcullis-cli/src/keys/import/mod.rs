//! `portcullis keys import`

mod batch;
mod fields;
mod line;
mod lines;

use std::{
    error::Error,
    ffi::OsString,
    fs::File,
    io::{BufRead, BufReader, IsTerminal, stdin},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use portcullis_api_key::{Imported, KeyQuery, Peppers};
use portcullis_core::clock::{Clock, SystemClock, UnixTime};
use serde_json::json;

use self::{batch::Batch, lines::Lines};
use super::{
    notes::{Before, failed, keys},
    peppers::PepperFile,
    place::{Origin, Place},
    progress::Progress,
    store::{self, Missing, Store, StoreArgs},
};
use crate::{
    misuse::misuse,
    output::{self, Outcome},
};

#[derive(Args, Debug)]
pub(crate) struct Import {
    /// A file with a line of JSON for each key; standard input if it is not given, or `-`.
    file: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
    /// Take the keys of another store instead: the path of a key file or the URL of a database.
    #[arg(long, value_name = "STORE", conflicts_with = "file")]
    from: Option<OsString>,
    /// A file with the password for the database of --from.
    #[arg(long, value_name = "FILE", requires = "from")]
    from_password_file: Option<PathBuf>,
    /// Create or update the tables of a database first.
    #[arg(long, conflicts_with = "dry_run")]
    migrate: bool,
    /// Check all lines, and store nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the numbers of stored and skipped keys as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(import: Import) -> Outcome {
    let source = Source::open(&import).await?;
    let missing = match (import.dry_run, import.migrate) {
        (true, _) => Missing::Rejected,
        (false, false) => Missing::Created,
        (false, true) => Missing::Migrated,
    };
    let target = Target {
        store: import.store.open(missing).await?,
        is_dry: import.dry_run,
        now: SystemClock.now(),
    };
    if !target.is_dry {
        target.store.warn_of_other_links();
    }
    let before = Before::of(&target.store);
    let mut batch = Batch::default();
    let outcome = match source {
        Source::Lines(reader, bytes) => target.import_lines(reader, bytes, &mut batch).await,
        Source::Store(store) => target.import_store(&store, &mut batch).await,
    };
    let Imported { stored, skipped } = batch.imported;
    if stored > 0 && !target.is_dry {
        before.note(target.store.file.as_deref());
    }
    outcome.map_err(|error| match stored + skipped {
        done if done == 0 || target.is_dry => error,
        done => format!(
            "{error} (before it, the store has {}: correct it and run the command again, which skips them)",
            keys(done)
        )
        .into(),
    })?;
    match target.is_dry {
        true => output::note(format_args!(
            "would import {}, and skip {skipped} that are repeated. Nothing was stored.",
            keys(stored)
        )),
        false => output::note(format_args!(
            "imported {}, and skipped {skipped} that the store had already. Running services accept them within 5 s.",
            keys(stored)
        )),
    }
    if import.json {
        let value = json!({ "stored": stored, "skipped": skipped, "dry_run": target.is_dry });
        output::line(format_args!("{}", output::pretty(&value)))?;
    }
    Ok(ExitCode::SUCCESS)
}

enum Source {
    /// Lines, and their length in bytes if it is known.
    Lines(Box<dyn BufRead>, Option<u64>),
    Store(Store),
}

impl Source {
    async fn open(import: &Import) -> Result<Self, Box<dyn Error>> {
        if let Some(from) = &import.from {
            let place = Place::parse(from, Origin::Option("--from"))?;
            let password = import.from_password_file.as_ref();
            return Ok(Self::Store(
                store::open(place, password, None, Missing::Rejected).await?,
            ));
        }
        let path = import
            .file
            .as_deref()
            .filter(|path| *path != Path::new("-"));
        let Some(path) = path else {
            if stdin().is_terminal() {
                return Err(misuse("give a file, or pipe the lines into the command"));
            }
            return Ok(Self::Lines(Box::new(BufReader::new(stdin())), None));
        };
        let open = || {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            let length = metadata.is_file().then_some(metadata.len());
            Ok::<_, std::io::Error>((file, length))
        };
        let (file, length) =
            open().map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Ok(Self::Lines(Box::new(BufReader::new(file)), length))
    }
}

struct Target {
    store: Store,
    is_dry: bool,
    now: UnixTime,
}

impl Target {
    async fn import_lines(
        &self,
        reader: Box<dyn BufRead>,
        bytes: Option<u64>,
        batch: &mut Batch,
    ) -> Result<(), Box<dyn Error>> {
        let peppers: Option<Peppers> = (self.store.peppers.as_ref())
            .map(PepperFile::peppers)
            .transpose()?;
        let progress = Progress::of_bytes(bytes);
        let mut problems = Problems::default();
        let mut lines = Lines::new(reader);
        while let Some((number, length, line)) = lines.next()? {
            progress.advance(length);
            if line.is_empty() {
                continue;
            }
            let record = line::read(line, self.now, peppers.as_ref());
            let record = record.map_err(|problem| format!("line {number}: {problem}"));
            if let Err(problem) = record.and_then(|record| batch.push(Some(number), record)) {
                if !self.is_dry {
                    self.flush(batch).await?;
                    return Err(problem.into());
                }
                problems.add(problem);
            }
            if batch.is_full() {
                self.flush(batch).await?;
                progress.say(keys(batch.done()));
            }
        }
        self.flush(batch).await?;
        problems.end()
    }

    async fn import_store(&self, from: &Store, batch: &mut Batch) -> Result<(), Box<dyn Error>> {
        const PAGE: usize = 5_000;

        let progress = Progress::of_bytes(None);
        let mut query = KeyQuery::new(self.now);
        // A page of a key file reads all of it.
        query.limit = if from.file.is_some() {
            usize::MAX
        } else {
            PAGE
        };
        loop {
            let page = from.manager.page(&query).await.map_err(failed)?;
            for record in page.keys {
                batch.push(None, record)?;
                if batch.is_full() {
                    self.flush(batch).await?;
                }
            }
            progress.say(keys(batch.done()));
            query.after = page.next;
            if page.next.is_none() {
                return self.flush(batch).await;
            }
        }
    }

    async fn flush(&self, batch: &mut Batch) -> Result<(), Box<dyn Error>> {
        match self.is_dry {
            true => {
                batch.forget();
                Ok(())
            }
            false => batch.store(&*self.store.manager).await,
        }
    }
}

/// The problems of a dry run, which goes on after one.
#[derive(Default)]
struct Problems {
    shown: Vec<String>,
    more: u64,
}

impl Problems {
    fn add(&mut self, problem: String) {
        const MAX_SHOWN: usize = 20;
        match self.shown.len() < MAX_SHOWN {
            true => self.shown.push(problem),
            false => self.more += 1,
        }
    }

    fn end(self) -> Result<(), Box<dyn Error>> {
        let text = self.shown.join("\n");
        match (self.shown.len(), self.more) {
            (0, _) => Ok(()),
            (_, 0) => Err(text.into()),
            (_, more) => Err(format!("{text}\nand {more} more").into()),
        }
    }
}
