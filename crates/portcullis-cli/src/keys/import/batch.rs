//! Stores records in batches, each completely or not at all.

use std::{collections::HashMap, error::Error};

use portcullis_api_key::{
    ApiKeyId, Imported, KeyDigest, KeyError, KeyManager, KeyRecord, ManageError,
};

use crate::keys::notes::failed;

/// The records of a change. More make a change slow, and fewer make more changes.
const BATCH: usize = 5_000;

/// The records that are not stored yet.
#[derive(Default)]
pub(super) struct Batch {
    records: Vec<KeyRecord>,
    /// The line, if they come from lines, and the digest of each.
    seen: HashMap<ApiKeyId, (Option<u64>, KeyDigest)>,
    pub(super) imported: Imported,
}

impl Batch {
    /// Adds the record of a line. One that the batch has already is skipped.
    pub(super) fn push(&mut self, line: Option<u64>, record: KeyRecord) -> Result<(), String> {
        match self.seen.get(&record.id) {
            Some((_, digest)) if *digest == record.digest => self.imported.skipped += 1,
            Some((first, _)) => {
                let (at, first) = (place(line), place(*first));
                return Err(format!("{at}{first}another key has the id {}", record.id));
            }
            None => {
                self.seen.insert(record.id, (line, record.digest));
                self.records.push(record);
            }
        }
        Ok(())
    }

    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= BATCH
    }

    /// The keys that are in the store now.
    pub(super) fn done(&self) -> u64 {
        self.imported.stored + self.imported.skipped
    }

    /// Stores the records.
    pub(super) async fn store(&mut self, manager: &dyn KeyManager) -> Result<(), Box<dyn Error>> {
        if self.records.is_empty() {
            return Ok(());
        }
        let records = std::mem::take(&mut self.records);
        let imported = manager.import(records).await.map_err(|error| match error {
            ManageError::Key(KeyError::Duplicate(id)) => {
                let line = self.seen.get(&id).and_then(|(line, _)| *line);
                format!("{}the store has another key with the id {id}", place(line)).into()
            }
            error => failed(error),
        })?;
        self.seen.clear();
        self.imported.stored += imported.stored;
        self.imported.skipped += imported.skipped;
        Ok(())
    }

    /// Forgets the records of a dry run.
    pub(super) fn forget(&mut self) {
        self.imported.stored += self.records.len() as u64;
        self.records.clear();
        self.seen.clear();
    }
}

fn place(line: Option<u64>) -> String {
    line.map_or_else(String::new, |line| format!("line {line}: "))
}
