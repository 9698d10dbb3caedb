//! Which files are read and which are refused.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use portcullis_file::{WatchedFile, read, read_bounded, read_config};
use tempfile::TempDir;

/// A directory with a file, and the path of the file.
fn file(content: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("file");
    fs::write(&path, content).expect("written");
    (directory, path)
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;

    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
}

/// Reading `file` must give that many warnings with each mode of `directory`.
#[cfg(unix)]
fn assert_warnings(file: &Path, directory: &Path, modes: &[(u32, usize)]) {
    for (mode, warnings) in modes {
        set_mode(directory, *mode);
        let contents = read(file, 5).expect("readable");
        assert_eq!(contents.warnings(false).len(), *warnings, "{mode:o}");
    }
}

fn refused(path: &Path, max_bytes: u64) -> String {
    read(path, max_bytes).expect_err("refused").to_string()
}

#[test]
fn regular_file_is_read_up_to_the_limit() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("file");
    assert_eq!(
        read(&path, 5).expect_err("missing").kind(),
        io::ErrorKind::NotFound
    );
    for content in ["", "1234", "12345"] {
        fs::write(&path, content).expect("written");
        let contents = read(&path, 5).expect("readable");
        assert_eq!(contents.bytes(), content.as_bytes());
        assert!(!contents.is_detached());
    }
    fs::write(&path, "123456").expect("written");
    assert_eq!(
        refused(&path, 5),
        "it has more than 5 bytes, the fixed limit: check that it has the right content and nothing else"
    );
}

#[cfg(unix)]
#[test]
fn only_regular_files_are_read() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    let directory = tempfile::tempdir().expect("a directory");
    let fifo = directory.path().join("fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).expect("a FIFO");
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&fifo, &link).expect("a symbolic link");
    for path in [
        &*fifo,
        &*link,
        directory.path(),
        Path::new("/dev/zero"),
        Path::new("/dev/null"),
    ] {
        assert_eq!(
            refused(path, 5),
            "it is not a regular file: give one",
            "{path:?}"
        );
    }
}

#[cfg(unix)]
#[test]
fn permissions_of_other_users_are_warned_about() {
    let (directory, path) = file("a");
    for (mode, reads, writes) in [
        (0o660, false, false),
        (0o644, true, false),
        (0o602, false, true),
    ] {
        set_mode(&path, mode);
        let contents = read(&path, 5).expect("readable");
        assert_eq!(contents.reject_writable_by_everyone("").is_err(), writes);
        assert_eq!(read_config(&path, 5).is_ok(), !writes);
        let warnings = contents.warnings(true);
        assert_eq!(
            warnings.len(),
            usize::from(reads) + usize::from(writes),
            "{warnings:?}"
        );
        assert_eq!(contents.warnings(false).len(), usize::from(writes));
    }
    set_mode(&path, 0o600);
    assert_warnings(
        &path,
        directory.path(),
        &[(0o755, 0), (0o1777, 0), (0o777, 1)],
    );
}

#[cfg(unix)]
#[test]
fn directory_of_a_symbolic_links_target_is_checked_too() {
    use std::os::unix::fs::symlink;

    let directory = tempfile::tempdir().expect("a directory");
    let open = directory.path().join("open");
    let safe = directory.path().join("safe");
    for made in [&open, &safe] {
        fs::create_dir(made).expect("made");
    }
    let path = open.join("k");
    fs::write(&path, "a").expect("written");
    set_mode(&path, 0o600);
    let link = safe.join("k");
    symlink("../open/k", &link).expect("linked");
    assert_warnings(&link, &open, &[(0o755, 0), (0o777, 1)]);
}

#[cfg(unix)]
#[test]
fn another_hard_link_is_warned_about() {
    let directory = tempfile::tempdir().expect("a directory");
    let [path, other] = ["keys", "other"].map(|name| directory.path().join(name));
    fs::write(&path, "a").expect("written");
    let mut file = WatchedFile::new("file", &path, 64).public();
    let mut before = file.read().expect("readable").stamp();
    for is_linked in [true, false] {
        if is_linked {
            fs::hard_link(&path, &other).expect("linked");
        } else {
            fs::remove_file(&other).expect("removed");
        }
        assert_ne!(file.stamp().expect("there"), before);
        before = file.read().expect("readable").stamp();
        let warnings = file.warnings();
        assert_eq!(warnings.len(), usize::from(is_linked), "{warnings:?}");
        assert!(!is_linked || warnings[0].contains("hard link"));
    }
}

#[cfg(unix)]
#[test]
fn directory_that_becomes_writable_changes_the_stamp() {
    let (directory, path) = file("a");
    let mut file = WatchedFile::new("file", &path, 64).public();
    let mut before = file.read().expect("readable").stamp();
    for (mode, warnings) in [(0o777, 1), (0o755, 0)] {
        set_mode(directory.path(), mode);
        assert_ne!(file.stamp().expect("there"), before, "{mode:o}");
        before = file.read().expect("readable").stamp();
        assert_eq!(file.stamp().expect("there"), before);
        assert_eq!(file.warnings().len(), warnings, "{mode:o}");
    }
}

#[test]
fn debug_hides_the_content() {
    let (_directory, path) = file("s3cr3t");
    let shown = format!("{:?}", read(&path, 64).expect("readable"));
    assert!(
        !shown.contains("s3cr3t") && !shown.contains("bytes"),
        "{shown}"
    );
}

#[test]
fn watched_file_is_read_again_after_a_change() {
    let (directory, path) = file("one");
    let mut file = WatchedFile::new("file", &path, 64);
    let one = file.read().expect("readable");
    assert_eq!(file.stamp().expect("there"), one.stamp());
    let next = directory.path().join("next");
    fs::write(&next, "two").expect("written");
    fs::rename(&next, &path).expect("replaced");
    let two = file.read().expect("readable");
    assert_eq!(two.bytes(), b"two");
    assert!(!two.is_detached());
    assert_ne!(one.stamp(), two.stamp());
}

#[test]
fn reader_is_read_up_to_the_limit() {
    let bytes = read_bounded(&b"12345"[..], 5).expect("within the limit");
    assert_eq!(*bytes, b"12345");
    let error = read_bounded(&b"123456"[..], 5).expect_err("too long");
    assert_eq!(
        error.to_string(),
        "it has more than 5 bytes, the fixed limit: check that it has the right content and nothing else"
    );
}

#[cfg(unix)]
#[test]
fn watched_file_reports_the_warnings_of_the_last_read() {
    let (_directory, path) = file("a");
    let mut private = WatchedFile::new("file", &path, 64);
    let mut public = WatchedFile::new("file", &path, 64).public();
    for (mode, warnings) in [(0o600, 0), (0o644, 1), (0o600, 0)] {
        set_mode(&path, mode);
        private.read().expect("readable");
        public.read().expect("readable");
        assert_eq!(private.warnings().len(), warnings, "{mode:o}");
        assert_eq!(public.warnings().len(), 0, "{mode:o}");
    }
}
