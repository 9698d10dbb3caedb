//! What a scan says about the keys that it finds.

use std::{error::Error, io, path::Path, process::ExitCode};

use portcullis_api_key::{ApiKey, KeyPrefix};
use portcullis_core::{
    clock::{Clock, SystemClock},
    log::escape,
};
use serde_json::{Value, json};

use super::INCOMPLETE;
use crate::{
    keys::{
        finder::Found,
        identify::{Standing, identify_key},
        notes::{failed, keys},
        progress::Progress,
        record::owner_and_name,
        store::Store,
    },
    output::{self, JsonArray, Outcome},
};

pub(super) struct Report {
    store: Option<Store>,
    prefixes: Vec<KeyPrefix>,
    /// Why live keys are revoked, if they are.
    reason: Option<String>,
    json: Option<JsonArray>,
    progress: Progress,
    files: u64,
    found: u64,
    live: u64,
    is_incomplete: bool,
}

impl Report {
    pub(super) fn new(
        store: Option<Store>,
        prefixes: Vec<KeyPrefix>,
        reason: Option<String>,
        json: bool,
    ) -> Self {
        Self {
            store,
            prefixes,
            reason,
            json: json.then(JsonArray::default),
            progress: Progress::of_bytes(None),
            files: 0,
            found: 0,
            live: 0,
            is_incomplete: false,
        }
    }

    pub(super) fn next_file(&mut self) {
        self.files += 1;
    }

    pub(super) fn advance(&self, bytes: u64) {
        self.progress.advance(bytes);
        let found = keys(self.found);
        self.progress
            .say(format!("{} files, {found} found", self.files));
    }

    /// A file could not be read, or not to its end.
    pub(super) fn unread(&mut self, path: Option<&Path>, error: &io::Error) {
        self.is_incomplete = true;
        let shown = shown(path);
        // Fails only if printing does, and then no output is left.
        let _ = self.progress.print(|| {
            output::note(format_args!("warning: cannot read {shown}: {error}"));
            Ok(())
        });
    }

    /// Checks a key, revokes it if asked to, and prints where it is.
    pub(super) async fn found(
        &mut self,
        path: Option<&Path>,
        found: &Found,
    ) -> Result<(), Box<dyn Error>> {
        let prefix = prefix_of(&found.key);
        if !self.prefixes.is_empty() && !self.prefixes.iter().any(|it| it.as_str() == prefix) {
            return Ok(());
        }
        self.found += 1;
        let mut is_revoked = false;
        let standing = match &self.store {
            None => None,
            Some(store) => {
                let identified = identify_key(store, &found.key).await?;
                Some(identified.standing(SystemClock.now()))
            }
        };
        match (&standing, &self.store, &self.reason) {
            (Some(Standing::Live(record)), Some(store), Some(reason)) => {
                let revoked = store.manager.revoke(&record.id, Some(reason)).await;
                revoked.map_err(failed)?;
                is_revoked = true;
            }
            (Some(Standing::UnknownPepper(..)), ..) => self.is_incomplete = true,
            _ => {}
        }
        if matches!(standing, None | Some(Standing::Live(_))) {
            self.live += 1;
        }
        let place = format!("{}:{}", shown(path), found.line);
        let id = found.key.id();
        let progress = &self.progress;
        match &mut self.json {
            Some(array) => {
                let record = standing.as_ref().and_then(|standing| standing.held().ok());
                let value = json!({
                    "file": path.map(|path| path.to_string_lossy()),
                    "line": found.line,
                    "id": id.as_str(),
                    "prefix": prefix,
                    "status": standing.as_ref().map_or("unchecked", Standing::as_str),
                    "live": live(standing.as_ref()),
                    "revoked": is_revoked,
                    "owner": record.as_ref().map(|record| &*record.owner),
                    "name": record.as_ref().map(|record| &*record.name),
                });
                progress.print(|| array.push(&value))?;
            }
            None => {
                let standing = match &standing {
                    None => format!("key {id}"),
                    Some(Standing::Live(record)) if is_revoked => {
                        format!(
                            "key {id} for {} was live and is now revoked",
                            owner_and_name(record)
                        )
                    }
                    Some(standing) => standing.to_string(),
                };
                progress.print(|| output::line(format_args!("{place}: {standing}")))?;
            }
        }
        Ok(())
    }

    pub(super) fn end(self) -> Outcome {
        if let Some(array) = self.json {
            array.end()?;
        }
        drop(self.progress);
        let found = match (self.found, &self.store) {
            (0, _) => "no keys".to_owned(),
            (found, None) => format!(
                "{}, not checked: give --store to tell which are live",
                keys(found)
            ),
            (found, Some(_)) if self.reason.is_some() => {
                format!(
                    "{}, of which {} were live and are revoked now",
                    keys(found),
                    self.live
                )
            }
            (found, Some(_)) => format!("{}, {} of them live", keys(found), self.live),
        };
        let incomplete = match self.is_incomplete {
            true => " The scan is incomplete: see above.",
            false => "",
        };
        output::note(format_args!("found {found}.{incomplete}"));
        Ok(match (self.live, self.is_incomplete) {
            (0, false) => ExitCode::SUCCESS,
            (0, true) => ExitCode::from(INCOMPLETE),
            _ => ExitCode::FAILURE,
        })
    }
}

/// Whether the key is live; `null` if that is not known.
fn live(standing: Option<&Standing>) -> Value {
    match standing {
        None | Some(Standing::UnknownPepper(..)) => Value::Null,
        Some(standing) => matches!(standing, Standing::Live(_)).into(),
    }
}

fn shown(path: Option<&Path>) -> String {
    path.map_or("standard input".to_owned(), |path| {
        escape(&path.to_string_lossy())
    })
}

fn prefix_of(key: &ApiKey) -> &str {
    let before_secret = key
        .expose()
        .rsplit_once('_')
        .map_or("", |(before, _)| before);
    before_secret
        .rsplit_once('_')
        .map_or("", |(prefix, _)| prefix)
}
