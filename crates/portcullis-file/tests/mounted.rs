//! A file that is a mount point, and is replaced at the source of the mount.
#![cfg(target_os = "linux")]

use std::{
    env, fs,
    fs::File,
    os::fd::AsRawFd,
    path::{Path, PathBuf},
    process::Command,
};

use portcullis_file::{WatchedFile, read};
use rustix::mount::{UnmountFlags, mount_bind, unmount};

/// A path that still leads to the same file after a replacement, like a mount of that file, without a mount.
fn held(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

fn replace(path: &Path, content: &str) {
    let next = path.with_extension("next");
    fs::write(&next, content).expect("written");
    fs::rename(&next, path).expect("replaced");
}

#[test]
fn replaced_file_is_unlinked() {
    let directory = tempfile::tempdir().expect("a directory");
    for linked_twice in [false, true] {
        let path = directory.path().join("keys");
        fs::write(&path, "old").expect("written");
        if linked_twice {
            fs::hard_link(&path, directory.path().join("backup")).expect("linked");
        }
        let file = File::open(&path).expect("opened");
        assert!(!read(&held(&file), 64).expect("readable").is_detached());
        replace(&path, "new");
        let contents = read(&held(&file), 64).expect("readable");
        assert!(contents.is_detached(), "linked twice: {linked_twice}");
        assert_eq!(contents.bytes(), b"old");
        assert!(!read(&path, 64).expect("readable").is_detached());
    }
}

#[test]
fn file_name_may_end_in_deleted() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("keys (deleted)");
    fs::write(&path, "a").expect("written");
    assert!(!read(&path, 64).expect("readable").is_detached());
    let file = File::open(&path).expect("opened");
    replace(&path, "b");
    assert!(read(&held(&file), 64).expect("readable").is_detached());
}

#[test]
fn replaced_source_of_a_mounted_file_is_detected() {
    in_a_mount_namespace(
        "replaced_source_of_a_mounted_file_is_detected",
        replace_behind_mounts,
    );
}

#[test]
fn renamed_source_of_a_mounted_file_is_detected() {
    in_a_mount_namespace("renamed_source_of_a_mounted_file_is_detected", || {
        rename_behind_a_mount(|path| path.to_owned());
    });
}

#[test]
fn renamed_source_of_a_mounted_directory_is_detected() {
    in_a_mount_namespace("renamed_source_of_a_mounted_directory_is_detected", || {
        rename_behind_a_mount(|path| path.join("keys"));
    });
}

#[test]
fn renamed_source_of_a_mount_behind_a_symlink_is_detected() {
    in_a_mount_namespace(
        "renamed_source_of_a_mount_behind_a_symlink_is_detected",
        rename_a_mounted_link,
    );
}

/// Runs the test `name` with real mounts in its own mount namespace. Skips it where mounts are not permitted.
fn in_a_mount_namespace(name: &str, test: fn()) {
    const INSIDE: &str = "PORTCULLIS_TEST_IN_MOUNT_NAMESPACE";
    if env::var_os(INSIDE).is_some() {
        return test();
    }
    let this_test = env::current_exe().expect("a test binary");
    for unshare in [&["--mount"][..], &["--mount", "--map-root-user"]] {
        let is_permitted = Command::new("unshare")
            .args(unshare)
            .args(["--", "true"])
            .output()
            .is_ok_and(|tried| tried.status.success());
        if is_permitted {
            let status = Command::new("unshare")
                .args(unshare)
                .arg("--")
                .arg(this_test)
                .args(["--exact", name, "--nocapture"])
                .env(INSIDE, "1")
                .status();
            assert!(status.expect("a process that runs").success());
            return;
        }
    }
    eprintln!("skipped: mounts are not permitted here, or there is no `unshare`");
}

/// Mounts a file, or the directory of the file that `file_in` names, and renames its source.
fn rename_behind_a_mount(file_in: fn(&Path) -> PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let [host, old, container] =
        ["host", "old", "a container"].map(|name| directory.path().join(name));
    let make = |path: &Path, content: &str| {
        let file = file_in(path);
        if file != path {
            fs::create_dir(path).expect("made");
        }
        fs::write(file, content).expect("written");
    };
    make(&host, "old");
    make(&container, "");
    if let Err(error) = mount_bind(&host, &container) {
        eprintln!("skipped: mounts are not permitted here: {error}");
        return;
    }
    let mut watched = WatchedFile::new("file", file_in(&container), 64);
    for _ in 0..2 {
        let contents = watched.read().expect("readable");
        assert!(!contents.is_detached());
        assert_eq!(watched.stamp().expect("a stamp"), contents.stamp());
    }

    fs::rename(&host, &old).expect("renamed");
    make(&host, "new");
    for _ in 0..2 {
        let contents = watched.read().expect("readable");
        assert_ne!(watched.stamp().expect("a stamp"), contents.stamp());
        assert!(contents.is_detached());
        assert!(
            contents
                .warnings(false)
                .contains(&portcullis_file::DETACHED)
        );
        assert_eq!(contents.bytes(), b"old");
    }

    // The path may lead to another mount later.
    for (source, content) in [(&host, "new"), (&old, "old")] {
        mount_bind(source, &container).expect("mounted");
        let contents = watched.read().expect("readable");
        assert!(!contents.is_detached());
        assert_eq!(contents.bytes(), content.as_bytes());
        assert_eq!(watched.stamp().expect("a stamp"), contents.stamp());
    }
    while unmount(&container, UnmountFlags::DETACH).is_ok() {}
}

/// The link lies on a bind mount, its target does not.
fn rename_a_mounted_link() {
    use std::os::unix::fs::symlink;

    let root = tempfile::tempdir().expect("a directory");
    let root = root.path();
    let make = |name: &str, content: &str| {
        fs::create_dir(root.join(name)).expect("made");
        fs::write(root.join(name).join("keys"), content).expect("written");
    };
    make("old", "old");
    make("new", "new");
    for name in ["conf", "next", "mount"] {
        fs::create_dir(root.join(name)).expect("made");
    }
    for is_directory_linked in [false, true] {
        let [conf, next, mount] = ["conf", "next", "mount"].map(|name| root.join(name));
        let path = if is_directory_linked {
            symlink("../old", conf.join("data")).expect("linked");
            mount.join("data/keys")
        } else {
            symlink("../old/keys", conf.join("link")).expect("linked");
            symlink("../new/keys", next.join("link")).expect("linked");
            mount.join("link")
        };
        if let Err(error) = mount_bind(&conf, &mount) {
            eprintln!("skipped: mounts are not permitted here: {error}");
            return;
        }
        let mut watched = WatchedFile::new("file", &path, 64);
        let contents = watched.read().expect("readable");
        assert!(!contents.is_detached());
        assert_eq!(watched.stamp().expect("a stamp"), contents.stamp());

        let aside = root.join("aside");
        fs::rename(&conf, &aside).expect("renamed");
        fs::rename(&next, &conf).expect("renamed");
        assert_ne!(watched.stamp().expect("a stamp"), contents.stamp());
        let contents = watched.read().expect("readable");
        assert_eq!(contents.bytes(), b"old");
        assert!(contents.is_detached());

        // Mounted again as the operator is told to, perhaps under the same mount id.
        unmount(&mount, UnmountFlags::DETACH).expect("unmounted");
        mount_bind(&conf, &mount).expect("mounted");
        if !is_directory_linked {
            let contents = watched.read().expect("readable");
            assert_eq!(contents.bytes(), b"new");
            assert!(!contents.is_detached());
            assert_eq!(watched.stamp().expect("a stamp"), contents.stamp());
        }
        unmount(&mount, UnmountFlags::DETACH).expect("unmounted");
        fs::rename(&aside, &next).expect("renamed");
    }
}

fn replace_behind_mounts() {
    let directory = tempfile::tempdir().expect("a directory");
    for linked_twice in [false, true] {
        let host = directory.path().join(format!("host-{linked_twice}"));
        let container = directory.path().join(format!("container-{linked_twice}"));
        fs::write(&host, "old").expect("written");
        fs::write(&container, "").expect("written");
        if let Err(error) = mount_bind(&host, &container) {
            eprintln!("skipped: mounts are not permitted here: {error}");
            return;
        }
        if linked_twice {
            fs::hard_link(&host, directory.path().join("backup")).expect("linked");
        }
        let before = read(&container, 64).expect("readable");
        assert!(before.warnings(false)[0].contains("mount point") && !before.is_detached());
        let at_host = read(&host, 64).expect("readable").warnings(false);
        assert_eq!(at_host.len(), usize::from(linked_twice), "{at_host:?}");

        replace(&host, "new");
        let after = read(&container, 64).expect("readable");
        assert!(after.is_detached());
        assert_eq!(after.warnings(false), [portcullis_file::DETACHED]);
        assert_eq!(after.bytes(), b"old");
    }
}
