//! Changes of a key file lose nothing, also with concurrent writers and after crashes.
#![cfg(all(feature = "file", unix))]

use std::{collections::HashSet, fs, io, path::PathBuf, thread, time::Duration};

use portcullis_api_key::{ApiKeyId, KeyError, KeyFile, KeyFileError, NewKey};
use portcullis_core::ScopeSet;
use tempfile::TempDir;

fn directory() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("keys.toml");
    (directory, path)
}

fn unknown() -> ApiKeyId {
    "000000000000".parse().expect("an id")
}

#[test]
fn key_is_created_listed_rotated_and_revoked() {
    let (_directory, path) = directory();
    let file = KeyFile::at(&path);
    let scopes = ScopeSet::parse("orders:read");
    let issued = file
        .create(NewKey::new("a").scopes(scopes.clone()))
        .expect("made");
    assert_eq!(file.list().expect("listed"), [issued.record().clone()]);

    let new = file
        .rotate(&issued.key().id(), Duration::from_secs(60))
        .expect("rotated");
    assert_eq!(new.record().scopes, scopes);
    let records = file.list().expect("listed");
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].successor, Some(new.key().id()));
    assert!(records[0].expires_at < issued.record().expires_at);

    let revoked = file.revoke(&new.key().id()).expect("revoked");
    assert!(revoked.revoked_at.is_some());
    assert_eq!(file.revoke(&new.key().id()).expect("again"), revoked);
    assert_eq!(file.list().expect("listed")[1], revoked);
}

#[test]
fn file_contains_no_key() {
    let (_directory, path) = directory();
    let file = KeyFile::at(&path);
    let one = file.create(NewKey::new("a")).expect("made");
    let two = file
        .rotate(&one.key().id(), Duration::from_secs(60))
        .expect("rotated");
    let text = fs::read_to_string(&path).expect("readable");
    for key in [one, two] {
        let secret = &key.key().expose()[key.key().expose().len() - 33..];
        assert!(!text.contains(secret) && !text.contains(&secret[..27]));
    }
}

#[test]
fn concurrent_writers_lose_nothing() {
    const WRITERS: usize = 8;
    const EACH: usize = 10;
    let (_directory, path) = directory();
    let made: HashSet<ApiKeyId> = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                // Each thread has its own handle and lock, like another process.
                let file = KeyFile::at(&path);
                scope.spawn(move || {
                    let ids =
                        (0..EACH).map(|_| file.create(NewKey::new("a")).expect("made").key().id());
                    ids.collect::<Vec<_>>()
                })
            })
            .collect();
        let ids = writers
            .into_iter()
            .flat_map(|writer| writer.join().expect("no panic"));
        ids.collect()
    });
    let listed = KeyFile::at(&path).list().expect("listed");
    assert_eq!(made.len(), WRITERS * EACH);
    assert_eq!(
        listed.iter().map(|key| key.id).collect::<HashSet<_>>(),
        made
    );
}

#[test]
fn reader_never_sees_a_partial_file() {
    let (_directory, path) = directory();
    let file = KeyFile::at(&path);
    file.create(NewKey::new("a")).expect("made");
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for _ in 0..30 {
                file.create(NewKey::new("a")).expect("made");
            }
        });
        let mut last = 0;
        while !writer.is_finished() {
            let count = file.list().expect("whole").len();
            assert!(count >= last, "a key was lost");
            last = count;
        }
    });
}

#[test]
fn temporary_file_of_a_crash_is_removed() {
    let (directory, path) = directory();
    let file = KeyFile::at(&path);
    let first = file.create(NewKey::new("a")).expect("made");
    let leftover = directory.path().join(".keys.toml.tmp");
    fs::write(&leftover, "version = 1\n[[keys]]\nid = \"4f").expect("written");
    assert_eq!(file.list().expect("listed").len(), 1);
    file.create(NewKey::new("b")).expect("made");
    assert!(!leftover.exists());
    let records = file.list().expect("listed");
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].id, first.key().id());
}

#[cfg(unix)]
#[test]
fn symlink_as_temporary_file_is_not_followed() {
    let (directory, path) = directory();
    let victim = directory.path().join("victim");
    fs::write(&victim, "precious").expect("written");
    std::os::unix::fs::symlink(&victim, directory.path().join(".keys.toml.tmp"))
        .expect("a symlink");
    KeyFile::at(&path).create(NewKey::new("a")).expect("made");
    assert_eq!(fs::read_to_string(victim).expect("readable"), "precious");
    assert!(!path.is_symlink());
}

/// With `root:service` and mode 0640, the service must still be able to read the file after root revokes a key.
#[cfg(unix)]
#[test]
fn group_read_permission_is_kept() {
    use std::os::unix::fs::PermissionsExt;

    let (_directory, path) = directory();
    let file = KeyFile::at(&path);
    let key = file.create(NewKey::new("a")).expect("made");
    for (before, after) in [
        (0o640, 0o640),
        (0o660, 0o640),
        (0o604, 0o600),
        (0o600, 0o600),
    ] {
        fs::set_permissions(&path, fs::Permissions::from_mode(before)).expect("set");
        file.create(NewKey::new("b")).expect("made");
        let mode = fs::metadata(&path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode, after, "{before:o}");
    }
    file.revoke(&key.key().id()).expect("revoked");
}

#[cfg(unix)]
#[test]
fn written_file_is_private() {
    use std::os::unix::fs::PermissionsExt;

    let (_directory, path) = directory();
    let file = KeyFile::at(&path);
    file.create(NewKey::new("a")).expect("made");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
    file.create(NewKey::new("b")).expect("made");
    let metadata = fs::metadata(&path).expect("there");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
}

#[cfg(unix)]
#[test]
fn symlink_is_kept_and_its_target_replaced() {
    use std::os::unix::fs::symlink;

    let (directory, target) = directory();
    let link = directory.path().join("link.toml");
    KeyFile::at(&target).create(NewKey::new("a")).expect("made");
    symlink("keys.toml", &link).expect("a symlink");
    KeyFile::at(&link).create(NewKey::new("b")).expect("made");
    assert!(link.is_symlink());
    assert_eq!(KeyFile::at(&target).list().expect("listed").len(), 2);

    let dangling = directory.path().join("dangling.toml");
    symlink("nowhere.toml", &dangling).expect("a symlink");
    let error = KeyFile::at(&dangling).create(NewKey::new("a"));
    assert!(
        matches!(error, Err(KeyFileError::Write { .. })),
        "{error:?}"
    );
}

#[test]
fn malformed_file_is_not_changed() {
    let (_directory, path) = directory();
    let file = KeyFile::at(&path);
    for broken in [
        "version = 1\n[[keys]]\nowner = \"a\"\n",
        "\n",
        "version = 7\n",
    ] {
        fs::write(&path, broken).expect("written");
        let error = file.create(NewKey::new("a")).expect_err(broken);
        assert!(matches!(error, KeyFileError::Malformed { .. }), "{error:?}");
        assert_eq!(fs::read_to_string(&path).expect("readable"), broken);
    }
}

#[test]
fn empty_file_is_treated_as_new() {
    let (_directory, path) = directory();
    fs::write(&path, "").expect("written");
    KeyFile::at(&path).create(NewKey::new("a")).expect("made");
    assert_eq!(KeyFile::at(&path).list().expect("listed").len(), 1);
}

#[test]
fn missing_file_or_key_is_an_error() {
    let (directory, path) = directory();
    let file = KeyFile::at(&path);
    let is_missing = |error: &KeyFileError| matches!(error, KeyFileError::Read { source, .. } if source.kind() == io::ErrorKind::NotFound);
    assert!(is_missing(&file.list().expect_err("no file")));
    assert!(is_missing(&file.revoke(&unknown()).expect_err("no file")));
    assert!(is_missing(
        &file
            .rotate(&unknown(), Duration::ZERO)
            .expect_err("no file")
    ));
    assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 0);
    // The lock file, which cannot be created here, is not needed for this answer.
    let lock = directory.path().join("keys.toml.lock");
    fs::create_dir(&lock).expect("created");
    assert!(is_missing(&file.revoke(&unknown()).expect_err("no file")));
    fs::remove_dir(&lock).expect("removed");

    file.create(NewKey::new("a")).expect("made");
    let before = fs::read_to_string(&path).expect("readable");
    let error = file.revoke(&unknown()).expect_err("no key");
    assert!(matches!(error, KeyFileError::Key(KeyError::NotFound(id)) if id == unknown()));
    let error = file.create(NewKey::new("")).expect_err("no owner");
    assert!(matches!(error, KeyFileError::Key(KeyError::Owner)));
    assert_eq!(fs::read_to_string(&path).expect("readable"), before);
    let nowhere = KeyFile::at(directory.path().join("no/such/keys.toml"));
    assert!(matches!(
        nowhere.create(NewKey::new("a")),
        Err(KeyFileError::Write { .. })
    ));
}

#[cfg(unix)]
fn plant_fifo(path: &std::path::Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    let mode = Mode::RUSR | Mode::WUSR;
    mknodat(CWD, path, FileType::Fifo, mode, 0).expect("a FIFO");
}

/// A user who can write to the directory could make root lock or create a file elsewhere.
#[cfg(unix)]
#[test]
fn lock_file_must_be_a_regular_file() {
    let (directory, path) = directory();
    let lock = directory.path().join("keys.toml.lock");
    let victim = directory.path().join("victim");
    let refused = |what: &str| {
        let error = KeyFile::at(&path).create(NewKey::new("a")).expect_err(what);
        let KeyFileError::Write { path, source } = error else {
            panic!("{what}: {error:?}")
        };
        assert_eq!(path, lock, "{what}");
        source.to_string()
    };
    std::os::unix::fs::symlink(&victim, &lock).expect("a symlink");
    assert!(refused("a dangling symlink").contains("symbolic link"));
    assert!(!victim.exists());
    fs::write(&victim, "precious").expect("written");
    assert!(refused("a symlink").contains("symbolic link"));
    fs::remove_file(&lock).expect("removed");
    plant_fifo(&lock);
    assert!(refused("a FIFO").contains("not a regular file"));
    fs::remove_file(&lock).expect("removed");
    KeyFile::at(&path).create(NewKey::new("a")).expect("made");
    assert_eq!(fs::read_to_string(victim).expect("readable"), "precious");
}

#[test]
fn locked_file_error_names_the_holder() {
    let (directory, path) = directory();
    let lock = directory.path().join("keys.toml.lock");
    let held = fs::File::create(&lock).expect("made");
    held.lock().expect("locked");
    let file = KeyFile::at(&path).lock_timeout(Duration::from_millis(30));
    let error = file.create(NewKey::new("a")).expect_err("locked");
    let KeyFileError::Locked { path, holder } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(path, &lock);
    if cfg!(target_os = "linux") {
        let pid = format!("process {} (", std::process::id());
        assert!(
            holder.as_deref().expect("known").starts_with(&pid),
            "{error}"
        );
    }
    assert!(error.to_string().contains("keys.toml.lock"), "{error}");
    drop(held);
    file.create(NewKey::new("a")).expect("made");
}

/// Root creates a key and gives the file to a service. No file of root may then block the service's user.
#[cfg(unix)]
#[test]
fn lock_file_is_removed() {
    let (directory, path) = directory();
    let file = KeyFile::at(&path);
    let key = file.create(NewKey::new("a")).expect("made");
    file.revoke(&key.key().id()).expect("revoked");
    file.create(NewKey::new("")).expect_err("no owner");
    let left: Vec<_> = fs::read_dir(directory.path())
        .expect("readable")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(left, ["keys.toml"]);
}

#[cfg(unix)]
#[test]
fn temporary_path_in_use_is_reported() {
    let (directory, path) = directory();
    let temporary = directory.path().join(".keys.toml.tmp");
    plant_fifo(&temporary);
    KeyFile::at(&path).create(NewKey::new("a")).expect("made");
    fs::create_dir(&temporary).expect("a directory");
    let error = KeyFile::at(&path)
        .create(NewKey::new("b"))
        .expect_err("a path in use");
    assert!(
        matches!(&error, KeyFileError::Write { path, .. } if *path == temporary),
        "{error:?}"
    );
}
