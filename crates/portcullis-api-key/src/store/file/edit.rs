use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use portcullis_core::{SharedClock, system_clock};

use super::{
    document,
    error::KeyFileError,
    read::{self, WritableByEveryone},
    write::Locked,
};
use crate::{ApiKeyId, IssuedKey, KeyError, KeyRecord, NewKey, Peppers};

/// A key file to be changed: what `portcullis keys` works with.
///
/// Every change takes a lock, reads the file, and replaces it: writers in several processes lose nothing, readers see
/// the old or the new file, and a crash leaves one of them. The lock is a file beside it, which is removed after use. The file is readable for its owner only, and for its
/// group where that alone was let before; a symlink stays, and the file it leads to is replaced.
///
/// ```no_run
/// use portcullis_api_key::{KeyFile, NewKey};
///
/// let issued = KeyFile::at("keys.toml").create(NewKey::new("billing"))?;
/// println!("{}", issued.key().expose());
/// # Ok::<_, portcullis_api_key::KeyFileError>(())
/// ```
#[derive(Clone, Debug)]
pub struct KeyFile {
    path: PathBuf,
    clock: SharedClock,
    peppers: Option<Peppers>,
    lock_timeout: Duration,
    writable: WritableByEveryone,
}

impl KeyFile {
    /// The file at `path`, which need not exist before the first key is made.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            clock: system_clock(),
            peppers: None,
            lock_timeout: Duration::from_secs(10),
            writable: WritableByEveryone::Refused,
        }
    }

    /// Sets what tells the time; the system's clock by default.
    #[must_use]
    pub fn clock(mut self, clock: SharedClock) -> Self {
        self.clock = clock;
        self
    }

    /// Digests new keys under the current pepper. Give [`ApiKeys`](crate::ApiKeys) the same.
    #[must_use]
    pub fn peppers(mut self, peppers: Peppers) -> Self {
        self.peppers = Some(peppers);
        self
    }

    /// Sets how long a change waits for another process that is changing the file; 10 s by default.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// Changes a file that every user of the machine may write. By default it is refused: anyone may have added keys,
    /// and they would be taken over into a file that only its owner may write.
    #[must_use]
    pub fn dangerous_accept_writable_by_everyone(mut self) -> Self {
        self.writable = WritableByEveryone::Accepted;
        self
    }

    /// Makes a key, and the file if there is none. An empty file is taken for a new one, with a warning in the log: it may
    /// have held keys before it was cut short.
    ///
    /// # Errors
    ///
    /// When the key cannot be made, or the file cannot be read or written.
    pub fn create(&self, new: NewKey) -> Result<IssuedKey, KeyFileError> {
        self.change(Missing::IsEmpty, |records| {
            let issued = new.issue(self.clock.now(), self.peppers.as_ref())?;
            if let Some(taken) = records.iter().find(|other| other.id() == issued.key().id()) {
                return Err(KeyError::Duplicate(taken.id()));
            }
            records.push(issued.record().clone());
            Ok(issued)
        })
    }

    /// Revokes a key. Doing so again changes nothing.
    ///
    /// # Errors
    ///
    /// When there is no such key, or the file cannot be read or written.
    pub fn revoke(&self, id: &ApiKeyId) -> Result<KeyRecord, KeyFileError> {
        self.change(Missing::IsAnError, |records| {
            let record = find(records, id)?;
            *record = record.clone().revoked(self.clock.now());
            Ok(record.clone())
        })
    }

    /// Makes a successor with the same prefix, owner and scopes. The old key goes on working for `grace`
    /// ([`DEFAULT_ROTATION_GRACE`](crate::DEFAULT_ROTATION_GRACE) is a good one), never past its own expiry.
    ///
    /// # Errors
    ///
    /// When there is no such key, it has been revoked or replaced or has expired, or the file cannot be read or
    /// written.
    pub fn rotate(&self, id: &ApiKeyId, grace: Duration) -> Result<IssuedKey, KeyFileError> {
        self.change(Missing::IsAnError, |records| {
            let record = find(records, id)?;
            let rotation = record.rotate(self.clock.now(), grace, self.peppers.as_ref())?;
            *record = rotation.old;
            records.push(rotation.new.record().clone());
            Ok(rotation.new)
        })
    }

    /// All records, in the order of the file.
    ///
    /// # Errors
    ///
    /// When the file is not there, cannot be read, or is malformed.
    pub fn list(&self) -> Result<Vec<KeyRecord>, KeyFileError> {
        // Nothing is written, and looking at the keys is what the operator of a distrusted file must do first.
        let contents = read::read(&self.path, WritableByEveryone::Accepted)?;
        read::parse(&self.path, &contents)
    }

    fn change<T>(
        &self,
        missing: Missing,
        change: impl FnOnce(&mut Vec<KeyRecord>) -> Result<T, KeyError>,
    ) -> Result<T, KeyFileError> {
        if missing == Missing::IsAnError && !self.path.exists() {
            return self.list().and(Err(KeyFileError::read(&self.path)(
                io::ErrorKind::NotFound.into(),
            )));
        }
        let locked = Locked::wait(&self.path, self.lock_timeout)?;
        let before = records(locked.target(), self.writable)?;
        let mut after = before.clone();
        let outcome = change(&mut after)?;
        if after != before {
            let text = document::render(&after).ok_or(KeyError::Lifetime)?;
            locked.replace(&text)?;
        }
        Ok(outcome)
    }
}

/// What it means that there is no file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    IsEmpty,
    IsAnError,
}

/// The records in a file that need not exist. An empty one, as `mktemp` makes it, holds none; a service that watches
/// it takes it for a broken one.
fn records(path: &Path, writable: WritableByEveryone) -> Result<Vec<KeyRecord>, KeyFileError> {
    match read::read(path, writable) {
        Ok(contents) if contents.bytes().is_empty() => {
            tracing::warn!(
                path = %path.display(),
                "API key file is empty and is taken for a new one: if it held keys before, restore it from a backup"
            );
            Ok(Vec::new())
        }
        Ok(contents) => read::parse(path, &contents),
        Err(KeyFileError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

fn find<'r>(records: &'r mut [KeyRecord], id: &ApiKeyId) -> Result<&'r mut KeyRecord, KeyError> {
    records
        .iter_mut()
        .find(|record| record.id() == *id)
        .ok_or(KeyError::NotFound(*id))
}
