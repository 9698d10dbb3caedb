//! The last good key set of an issuer, saved for the next start.

use std::{
    fs,
    hash::{BuildHasher, Hasher, RandomState},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use portcullis_core::{clock::UnixTime, log::escape_url};
use portcullis_jose::{KeySet, json::without_byte_order_mark};
use portcullis_oauth::read_json_object;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

/// How long a read from disk may delay the start, and a write the next fetch.
pub(crate) const LONGEST_DISK_ACCESS: Duration = Duration::from_secs(5);

/// The file of one issuer, in a directory that issuers may share.
#[derive(Debug)]
pub(crate) struct SnapshotFile {
    issuer: Box<str>,
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Content {
    issuer: Box<str>,
    fetched_at: u64,
    lifetime: u64,
    jwks: Box<RawValue>,
}

#[derive(Debug)]
pub(crate) struct SavedKeys {
    pub(crate) keys: KeySet,
    pub(crate) age: Duration,
    pub(crate) lifetime: Duration,
}

impl SnapshotFile {
    /// A file from further in the future is not trusted: its age is not known.
    const MOST_AHEAD: Duration = Duration::from_secs(300);
    /// Enough for a key set of the largest size.
    const MAX_BYTES: u64 = 2 * KeySet::MAX_BYTES as u64;

    pub(crate) fn new(directory: &Path, issuer: &str) -> Self {
        Self {
            issuer: issuer.into(),
            path: directory.join(format!("{}.json", file_stem(issuer))),
        }
    }

    /// Reads the key set; `None` if there is no file.
    pub(crate) fn load(&self, now: UnixTime) -> io::Result<Option<SavedKeys>> {
        let contents = match portcullis_file::read(&self.path, Self::MAX_BYTES) {
            Ok(contents) => contents,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // A user who can write to it can sign tokens.
        contents.reject_writable_by_everyone(", so anyone may have added keys: delete the file")?;
        let content: Content = read_json_object(contents.bytes()).map_err(unreadable)?;
        if content.issuer != self.issuer {
            let (found, expected) = (escape_url(&content.issuer), escape_url(&self.issuer));
            return Err(invalid(format!(
                "it has the keys of issuer {found}, expected {expected}: delete the file"
            )));
        }
        let fetched_at = UnixTime::from_secs(content.fetched_at);
        let ahead = fetched_at.duration_since(now);
        if ahead > Self::MOST_AHEAD {
            return Err(invalid(format!(
                "it is dated {ahead:?} in the future: check the clock, or delete the file"
            )));
        }
        let keys = KeySet::parse(content.jwks.get().as_bytes()).map_err(unreadable)?;
        Ok(Some(SavedKeys {
            keys,
            age: now.duration_since(fetched_at),
            lifetime: Duration::from_secs(content.lifetime),
        }))
    }

    /// Replaces the file as a whole. If that fails, the old file is removed: it may hold a key that was withdrawn since.
    pub(crate) fn save(
        &self,
        jwks: Box<RawValue>,
        fetched_at: UnixTime,
        lifetime: Duration,
    ) -> io::Result<()> {
        let content = Content {
            issuer: self.issuer.clone(),
            fetched_at: fetched_at.as_secs(),
            lifetime: lifetime.as_secs(),
            jwks,
        };
        // A random number keeps services apart that share the directory; in containers they often have the same process id.
        let extension = format!("{:016x}.tmp", RandomState::new().build_hasher().finish());
        let temporary = self.path.with_extension(extension);
        let written = serde_json::to_vec(&content)
            .map_err(io::Error::from)
            .and_then(|json| write_private(&temporary, &json))
            .and_then(|()| fs::rename(&temporary, &self.path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
            let _ = fs::remove_file(&self.path);
        }
        written.map_err(|error| self.named(error))
    }

    pub(crate) fn named(&self, error: io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("{}: {error}", self.path.display()))
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The usable keys, each parsed as it was sent, without private and unknown members.
pub(crate) fn public_part(jwks: &[u8]) -> io::Result<Box<RawValue>> {
    #[derive(Deserialize)]
    struct Set<'j> {
        #[serde(borrow)]
        keys: Vec<&'j RawValue>,
    }

    let set: Set<'_> = serde_json::from_slice(without_byte_order_mark(jwks))?;
    let mut keys: Vec<Map<String, Value>> = Vec::new();
    for key in set.keys {
        let alone = format!(r#"{{"keys":[{}]}}"#, key.get());
        if KeySet::parse(alone.as_bytes()).is_ok() {
            let mut members: Map<String, Value> = serde_json::from_str(key.get())?;
            members.retain(|name, _| KeySet::KEY_MEMBERS.contains(&name.as_str()));
            keys.push(members);
        }
    }
    Ok(serde_json::value::to_raw_value(
        &serde_json::json!({ "keys": keys }),
    )?)
}

/// A file name that no other issuer has, even if the file system ignores case.
fn file_stem(issuer: &str) -> String {
    let stem = issuer.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' => char::from(byte).to_string(),
        _ => format!("_{byte:02X}"),
    });
    stem.collect()
}

fn unreadable(error: impl std::fmt::Display) -> io::Error {
    invalid(format!(
        "it is damaged ({error}), and is replaced after the next fetch"
    ))
}

fn invalid(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"a"}"#;
    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
    const LIFETIME: Duration = Duration::from_secs(600);

    fn jwks(keys: &[&str]) -> String {
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    fn public(jwks: &str) -> Box<RawValue> {
        public_part(jwks.as_bytes()).unwrap()
    }

    fn file(directory: &tempfile::TempDir, issuer: &str) -> SnapshotFile {
        SnapshotFile::new(directory.path(), issuer)
    }

    #[test]
    fn saved_set_is_read_back_with_its_age() {
        let directory = tempfile::tempdir().unwrap();
        let file = file(&directory, "https://issuer.example");
        assert!(file.load(NOW).unwrap().is_none());
        file.save(public(&jwks(&[KEY])), NOW, LIFETIME).unwrap();
        let kept = file
            .load(NOW.saturating_add(Duration::from_secs(60)))
            .unwrap()
            .unwrap();
        assert_eq!(
            (kept.age, kept.lifetime),
            (Duration::from_secs(60), LIFETIME)
        );
        assert_eq!(kept.keys.keys().next().and_then(|key| key.kid()), Some("a"));
    }

    #[cfg(unix)]
    #[test]
    fn file_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;

        let directory = tempfile::tempdir().unwrap();
        let file = file(&directory, "https://issuer.example");
        fs::write(&file.path, "old").unwrap();
        fs::set_permissions(&file.path, fs::Permissions::from_mode(0o644)).unwrap();
        file.save(public(&jwks(&[KEY])), NOW, LIFETIME).unwrap();
        assert_eq!(
            fs::metadata(&file.path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            fs::read_dir(directory.path()).unwrap().count(),
            1,
            "no temporary file is left"
        );
    }

    #[cfg(unix)]
    #[test]
    fn world_writable_file_is_refused() {
        use std::os::unix::fs::PermissionsExt;

        let directory = tempfile::tempdir().unwrap();
        let file = file(&directory, "https://issuer.example");
        file.save(public(&jwks(&[KEY])), NOW, LIFETIME).unwrap();
        fs::set_permissions(&file.path, fs::Permissions::from_mode(0o666)).unwrap();
        let error = file.load(NOW).expect_err("not trusted");
        assert!(error.to_string().contains("every user may write it"));
    }

    #[cfg(unix)]
    #[test]
    fn fifo_does_not_block_the_start() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};

        let directory = tempfile::tempdir().unwrap();
        let file = file(&directory, "https://issuer.example");
        mknodat(CWD, &file.path, FileType::Fifo, Mode::RUSR, 0).unwrap();
        let error = file.load(NOW).expect_err("a FIFO");
        assert!(error.to_string().contains("not a regular file"), "{error}");
        file.save(public(&jwks(&[KEY])), NOW, LIFETIME).unwrap();
        assert!(file.load(NOW).unwrap().is_some(), "it was replaced");
    }

    #[test]
    fn issuers_have_different_files() {
        let directory = tempfile::tempdir().unwrap();
        let issuers = [
            "https://a.example",
            "https://a.example/",
            "https://A.example",
            "https://a.example/_",
            "https_3A_2F_2Fa.example",
        ];
        let names: std::collections::BTreeSet<_> = issuers
            .iter()
            .map(|issuer| file_stem(issuer).to_ascii_lowercase())
            .collect();
        assert_eq!(names.len(), issuers.len(), "even where case is ignored");
        assert_eq!(file_stem("../../etc"), ".._2F.._2Fetc");

        let (a, b) = (file(&directory, "a"), file(&directory, "b"));
        a.save(public(&jwks(&[KEY])), NOW, LIFETIME).unwrap();
        fs::copy(&a.path, &b.path).unwrap();
        assert!(b.load(NOW).is_err(), "another issuer's keys");
    }

    #[test]
    fn failed_write_removes_the_older_file() {
        let directory = tempfile::tempdir().unwrap();
        let short = file(&directory, "a");
        short.save(public(&jwks(&[KEY])), NOW, LIFETIME).unwrap();
        // The name of the file is short enough for the file system, and that of the temporary file is not.
        let file = file(&directory, &"a".repeat(245));
        let content = fs::read_to_string(&short.path).unwrap();
        let content = content.replace(r#""issuer":"a""#, &format!(r#""issuer":"{}""#, file.issuer));
        fs::write(&file.path, content).unwrap();
        assert!(file.load(NOW).unwrap().is_some());
        let next = KEY.replace(r#""kid":"a""#, r#""kid":"b""#);
        assert!(file.save(public(&jwks(&[&next])), NOW, LIFETIME).is_err());
        assert!(file.load(NOW).unwrap().is_none(), "`a` may be withdrawn");
    }

    #[test]
    fn private_members_and_unusable_keys_are_not_saved() {
        let directory = tempfile::tempdir().unwrap();
        let file = file(&directory, "https://issuer.example");
        let leaked = KEY.replace(
            r#""kid":"a""#,
            r#""kid":"leaked","d":"c2VjcmV0","priv":"c2VjcmV0""#,
        );
        let doubled = KEY.replace(r#""kid":"a""#, r#""kid":"doubled","kid":"doubled""#);
        let secret = r#"{"kty":"oct","kid":"secret","k":"c2VjcmV0"}"#;
        file.save(
            public(&jwks(&[KEY, &leaked, &doubled, secret, "7"])),
            NOW,
            LIFETIME,
        )
        .unwrap();
        let text = fs::read_to_string(&file.path).unwrap();
        assert!(
            !text.contains("c2VjcmV0") && !text.contains("doubled"),
            "{text}"
        );
        let kept = file.load(NOW).unwrap().unwrap();
        let kids: Vec<_> = kept.keys.keys().filter_map(|key| key.kid()).collect();
        assert_eq!(kids, ["a", "leaked"]);
        assert_eq!(kept.keys.report().keys_with_private_members, 0);
    }

    #[test]
    fn tolerated_set_is_saved() {
        let directory = tempfile::tempdir().unwrap();
        let file = file(&directory, "https://issuer.example");
        let odd = KEY.replace(r#""kid":"a""#, r#""kid":"a","key_ops":[],"use":null"#);
        let set = format!("\u{feff}{}", jwks(&[&odd]));
        file.save(public(&set), NOW, LIFETIME).unwrap();
        assert_eq!(file.load(NOW).unwrap().unwrap().keys.keys().len(), 1);
    }

    #[test]
    fn services_that_save_at_the_same_time_do_not_disturb_each_other() {
        let directory = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let file = file(&directory, "https://issuer.example");
                    for _ in 0..50 {
                        file.save(public(&jwks(&[KEY])), NOW, LIFETIME).unwrap();
                    }
                });
            }
        });
        let file = file(&directory, "https://issuer.example");
        assert!(file.load(NOW).unwrap().is_some());
    }

    #[test]
    fn array_instead_of_object_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = file(&directory, "a");
        let values = format!(r#"["a",{},600,{}]"#, NOW.as_secs(), jwks(&[KEY]));
        fs::write(&file.path, values).unwrap();
        let error = file.load(NOW).expect_err("an array");
        assert!(error.to_string().contains("not a JSON object"), "{error}");
    }

    #[test]
    fn malformed_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = file(&directory, "https://issuer.example");
        for text in ["", "{}", "null", "[1]", "\u{0}"] {
            fs::write(&file.path, text).unwrap();
            assert!(file.load(NOW).is_err(), "{text}");
        }
        fs::write(&file.path, vec![b' '; 600 * 1024]).unwrap();
        assert!(file.load(NOW).is_err());
        file.save(
            public(&jwks(&[KEY])),
            NOW.saturating_add(Duration::from_secs(301)),
            LIFETIME,
        )
        .unwrap();
        assert!(file.load(NOW).is_err(), "from the future");
    }
}
