use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    error::KeyFileError,
    lock::HeldLock,
    read::{MAX_BYTES, check_trust, parse},
    render::render,
    replace::replace,
};
use crate::{
    error::KeyError,
    format::ApiKeyId,
    issue::{IssuedKey, KeyMaker, NewKey, key_maker_setters},
    record::KeyRecord,
};

/// Creates, rotates and revokes the keys of a file, as `portcullis keys` does. Unix only.
///
/// Every change holds a lock, so concurrent processes lose no change. The lock is a file beside the key file and is removed
/// after use. A change replaces the key file, or the target of a symbolic link: readers see the old or the new file, also
/// after a crash. The owner may read the new file. The group may read it if it could read the old file and other users could not.
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
    pub(super) key_maker: KeyMaker,
    lock_timeout: Duration,
    accept_writable_by_everyone: bool,
}

impl KeyFile {
    /// The file at `path`. [`create`](Self::create) creates it if needed.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            key_maker: KeyMaker::default(),
            lock_timeout: Duration::from_secs(10),
            accept_writable_by_everyone: false,
        }
    }

    key_maker_setters!();

    /// Sets how long a change waits for another process; 10 s by default.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// Accepts a file that every user of the machine may write. By default it is rejected: anyone may have added keys.
    #[must_use]
    pub fn dangerous_accept_writable_by_everyone(mut self) -> Self {
        self.accept_writable_by_everyone = true;
        self
    }

    /// Creates a key, and the file if it does not exist. An empty file is taken for a new one, with a warning in the log.
    ///
    /// # Errors
    ///
    /// As [`NewKey::issue`], [`KeyError::Duplicate`] when the random id of the new key is in the file already, and when the
    /// file cannot be read or written.
    pub fn create(&self, new: NewKey) -> Result<IssuedKey, KeyFileError> {
        self.change(NewFile::Allowed, |records| {
            let issued = self.key_maker.issue(new)?;
            push_new(records, issued.record().clone())?;
            Ok(issued)
        })
    }

    /// Revokes a key. Revoking it again changes nothing.
    ///
    /// # Errors
    ///
    /// When the file has no such key, or cannot be read or written.
    pub fn revoke(&self, id: &ApiKeyId) -> Result<KeyRecord, KeyFileError> {
        self.revoke_because(id, None)
    }

    /// As [`revoke`](Self::revoke), with a reason.
    ///
    /// # Errors
    ///
    /// As [`revoke`](Self::revoke), and [`KeyError::Reason`].
    pub fn revoke_because(
        &self,
        id: &ApiKeyId,
        reason: Option<&str>,
    ) -> Result<KeyRecord, KeyFileError> {
        self.change(NewFile::Rejected, |records| {
            let record = find(records, id)?;
            record.revoke(self.key_maker.clock.now(), reason)?;
            Ok(record.clone())
        })
    }

    /// Creates a successor with the same prefix, owner and scopes. The old key expires after `grace`
    /// ([`DEFAULT_ROTATION_GRACE`](crate::DEFAULT_ROTATION_GRACE) is a good value) if it does not expire earlier.
    ///
    /// # Errors
    ///
    /// When the file has no such key, or the key was revoked or rotated or has expired. Also as [`create`](Self::create).
    pub fn rotate(&self, id: &ApiKeyId, grace: Duration) -> Result<IssuedKey, KeyFileError> {
        self.change(NewFile::Rejected, |records| {
            let new = self.key_maker.rotate(find(records, id)?, grace)?;
            push_new(records, new.record().clone())?;
            Ok(new)
        })
    }

    /// All records, in the order of the file.
    ///
    /// # Errors
    ///
    /// When the file does not exist, cannot be read, or is malformed.
    pub fn list(&self) -> Result<Vec<KeyRecord>, KeyFileError> {
        // The operator of a file that every user may write must be able to check its keys.
        let accept_writable = true;
        read(&self.path, accept_writable, NewFile::Rejected)
    }

    /// Changes the records under the lock, and writes the file if they differ.
    pub(super) fn change<T>(
        &self,
        new_file: NewFile,
        change: impl FnOnce(&mut Vec<KeyRecord>) -> Result<T, KeyError>,
    ) -> Result<T, KeyFileError> {
        if new_file == NewFile::Rejected {
            // Before the lock, whose file would be created beside a file that does not exist.
            fs::metadata(&self.path)
                .map_err(|error| KeyFileError::cannot_read(&self.path, error))?;
        }
        let locked = HeldLock::wait(&self.path, self.lock_timeout)?;
        let accept_writable = self.accept_writable_by_everyone;
        let before = read(&locked.target, accept_writable, new_file)?;
        let mut after = before.clone();
        let outcome = change(&mut after)?;
        if after != before {
            let text = render(&after);
            check_size(&self.path, &text)?;
            replace(&locked.target, &text)?;
        }
        Ok(outcome)
    }
}

/// Rejects a text that is too large to be read again.
fn check_size(path: &Path, text: &str) -> Result<(), KeyFileError> {
    match text.len() as u64 <= MAX_BYTES {
        true => Ok(()),
        false => Err(KeyFileError::Full(path.to_owned())),
    }
}

/// Whether the file may be missing, or empty, as `mktemp` creates it.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum NewFile {
    Allowed,
    Rejected,
}

fn read(
    path: &Path,
    accept_writable: bool,
    new_file: NewFile,
) -> Result<Vec<KeyRecord>, KeyFileError> {
    let may_be_new = new_file == NewFile::Allowed;
    let read = portcullis_file::read(path, MAX_BYTES);
    if may_be_new && matches!(&read, Err(error) if error.kind() == io::ErrorKind::NotFound) {
        return Ok(Vec::new());
    }
    let contents = check_trust(path, read, accept_writable)?;
    if may_be_new && contents.bytes().is_empty() {
        tracing::warn!(
            path = %path.display(),
            "API key file is empty and is taken for a new file: if it had keys before, restore it from a backup"
        );
        return Ok(Vec::new());
    }
    parse(path, &contents)
}

fn find<'r>(records: &'r mut [KeyRecord], id: &ApiKeyId) -> Result<&'r mut KeyRecord, KeyError> {
    let found = records.iter_mut().find(|record| record.id == *id);
    found.ok_or(KeyError::NotFound(*id))
}

pub(super) fn push_new(records: &mut Vec<KeyRecord>, record: KeyRecord) -> Result<(), KeyError> {
    if records.iter().any(|other| other.id == record.id) {
        return Err(KeyError::Duplicate(record.id));
    }
    records.push(record);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_larger_than_what_is_read_is_rejected() {
        let path = Path::new("keys.toml");
        let mut text = "x".repeat(usize::try_from(MAX_BYTES).expect("small"));
        assert!(check_size(path, &text).is_ok());
        text.push('x');
        let error = check_size(path, &text).expect_err("too large");
        assert!(error.to_string().contains("64 MiB"), "{error}");
    }

    #[test]
    fn second_record_with_the_same_id_is_rejected() {
        let issued = KeyMaker::default().issue(NewKey::new("a")).expect("made");
        let id = issued.record().id;
        let mut records = Vec::new();
        assert_eq!(push_new(&mut records, issued.record().clone()), Ok(()));
        let again = push_new(&mut records, issued.record().clone());
        assert_eq!(again, Err(KeyError::Duplicate(id)));
        assert_eq!(records.len(), 1);
    }
}
