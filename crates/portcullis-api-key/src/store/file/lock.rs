//! The lock under which a key file is changed.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt, fchown},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use portcullis_file::directory_of;
use rustix::fs::{OFlags, major, minor};

use super::{
    error::KeyFileError,
    replace::{beside, cannot_write, resolve},
};

/// The lock of a key file, on `keys.toml.lock` beside it, because a change replaces the key file itself. The holder removes the
/// lock file after use: the owner of the key file may be unable to open a lock file that root left.
pub(super) struct HeldLock {
    /// The key file, with symbolic links resolved.
    pub(super) target: PathBuf,
    lock: PathBuf,
    file: File,
}

impl HeldLock {
    /// Waits for the lock of the file at `path`, which need not exist.
    pub(super) fn wait(path: &Path, timeout: Duration) -> Result<Self, KeyFileError> {
        const PAUSE: Duration = Duration::from_millis(20);

        let target = resolve(path).map_err(cannot_write(path))?;
        let lock = beside(&target, "", ".lock");
        // Counts only the pauses, since an attempt takes almost no time.
        let mut waited = Duration::ZERO;
        loop {
            match try_lock(&lock, &target) {
                Err(KeyFileError::Locked { .. }) if waited < timeout => thread::sleep(PAUSE),
                outcome => return outcome.map(|file| Self { target, lock, file }),
            }
            waited += PAUSE;
        }
    }
}

impl Drop for HeldLock {
    /// Removes the lock file. A waiter that has it open finds it gone, and opens the lock file of the next holder.
    fn drop(&mut self) {
        if is_at(&self.file, &self.lock) {
            let _ = fs::remove_file(&self.lock);
        }
    }
}

/// `KeyFileError::Locked` if another process holds the lock, or removed the lock file while it was opened here.
fn try_lock(lock: &Path, target: &Path) -> Result<File, KeyFileError> {
    let mut holder = None;
    if let Some(file) = open_lock(lock, target).map_err(cannot_write(lock))? {
        match file.try_lock() {
            Ok(()) if is_at(&file, lock) => return Ok(file),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => holder = holder_of(&file),
            Err(TryLockError::Error(error)) => return Err(cannot_write(lock)(error)),
        }
    }
    Err(KeyFileError::Locked {
        holder,
        path: lock.to_owned(),
    })
}

/// Opens or creates the lock file; `None` if it was removed at the same time. An existing file is locked but not
/// changed, and must be a regular file and no link: a user who may write to the directory can put any file there.
fn open_lock(lock: &Path, target: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    options.read(true).write(true).mode(0o600);
    options.custom_flags(flags.bits() as i32);
    match options.clone().create_new(true).open(lock) {
        Ok(file) => {
            give_to_owner(&file, target);
            return Ok(Some(file));
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    match options.open(lock) {
        Ok(file) if file.metadata()?.is_file() => Ok(Some(file)),
        Ok(_) => Err(io::Error::other("it is not a regular file: remove it")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(_) if lock.is_symlink() => Err(io::Error::other("it is a symbolic link: remove it")),
        Err(error) => Err(error),
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(file), Ok(there)) => (file.dev(), file.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// The process that holds the lock on the opened file, on Linux.
fn holder_of(file: &File) -> Option<String> {
    let metadata = file.metadata().ok()?;
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let pid = pid_in(&locks, metadata.dev(), metadata.ino())?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    let name = portcullis_core::log::escape(name.trim_end());
    Some(format!("process {pid} ({name})"))
}

/// The holder of the lock on a file, by the content of `/proc/locks`.
fn pid_in(locks: &str, device: u64, inode: u64) -> Option<&str> {
    // An inode number is unique only on its device.
    let wanted = format!("{:02x}:{:02x}:{inode}", major(device), minor(device));
    // A line is `1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF`.
    locks.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(4);
        let (pid, place) = (fields.next()?, fields.next()?);
        (place == wanted).then_some(pid)
    })
}

/// Gives a lock file that root created to the owner of the key file, or of its directory, so that the owner can open it. If
/// that fails, as in a user namespace without that owner, the lock still excludes other processes.
fn give_to_owner(lock: &File, target: &Path) {
    let owned = fs::metadata(target).or_else(|_| fs::metadata(directory_of(target)));
    if let Ok(owned) = owned {
        let _ = fchown(lock, Some(owned.uid()), Some(owned.gid()));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown};

    use rustix::fs::makedev;

    use super::*;

    const NOBODY: u32 = 65_534;

    /// A lock file that root left behind in a crash must not block the owner.
    #[test]
    fn lock_file_belongs_to_the_owner_of_the_key_file() {
        let directory = tempfile::tempdir().expect("a directory");
        if chown(directory.path(), Some(NOBODY), Some(NOBODY)).is_err() {
            eprintln!("skipped: only root can give files away");
            return;
        }
        let path = directory.path().join("keys.toml");
        let owner_of_lock = || {
            let locked = HeldLock::wait(&path, Duration::ZERO).expect("locked");
            fs::metadata(&locked.lock).expect("there").uid()
        };
        assert_eq!(owner_of_lock(), NOBODY, "as its directory");
        fs::write(&path, "").expect("written");
        assert_eq!(owner_of_lock(), 0, "as the key file");
        chown(&path, Some(NOBODY), None).expect("given away");
        assert_eq!(owner_of_lock(), NOBODY, "as the key file");
    }

    /// In the user namespace the owner of the directory has no id, so the lock file cannot be given to that user.
    #[test]
    fn lock_works_when_the_owner_of_the_directory_has_no_id() {
        use std::{env, process::Command};

        const INSIDE: &str = "PORTCULLIS_TEST_DIRECTORY_OF_UNMAPPED_OWNER";
        if let Some(directory) = env::var_os(INSIDE) {
            let path = Path::new(&directory).join("keys.toml");
            HeldLock::wait(&path, Duration::ZERO).expect("locked");
            return;
        }
        let directory = tempfile::tempdir().expect("a directory");
        let unshare = ["--user", "--map-root-user", "--"];
        let is_permitted = Command::new("unshare")
            .args(unshare)
            .arg("true")
            .output()
            .is_ok_and(|tried| tried.status.success());
        if !is_permitted || chown(directory.path(), Some(NOBODY), Some(NOBODY)).is_err() {
            eprintln!("skipped: it needs root and user namespaces");
            return;
        }
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).expect("set");
        let status = Command::new("unshare")
            .args(unshare)
            .arg(env::current_exe().expect("a test binary"))
            .arg("lock_works_when_the_owner_of_the_directory_has_no_id")
            .env(INSIDE, directory.path())
            .status();
        assert!(status.expect("it runs").success());
    }

    #[test]
    fn holder_of_a_lock_on_another_file_system_is_not_named() {
        let other = "1: FLOCK  ADVISORY  WRITE 11 00:1a:5678 0 EOF\n";
        let own = "2: FLOCK  ADVISORY  WRITE 22 08:01:5678 0 EOF\n";
        let device = makedev(8, 1);
        assert_eq!(pid_in(other, device, 5678), None);
        assert_eq!(pid_in(&[other, own].concat(), device, 5678), Some("22"));
        assert_eq!(pid_in(own, device, 678), None);
    }

    #[test]
    fn lock_file_of_another_holder_is_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let locked =
            HeldLock::wait(&directory.path().join("keys.toml"), Duration::ZERO).expect("locked");
        let lock = locked.lock.clone();
        fs::remove_file(&lock).expect("removed");
        fs::write(&lock, "").expect("another");
        drop(locked);
        assert!(lock.exists(), "it is another holder's");
    }

    #[test]
    fn removed_lock_file_is_detected() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("keys.toml");
        let lock = directory.path().join("keys.toml.lock");
        let file = open_lock(&lock, &path).expect("opened").expect("there");
        assert!(is_at(&file, &lock));
        fs::remove_file(&lock).expect("removed");
        assert!(!is_at(&file, &lock));
        fs::write(&lock, "").expect("another");
        assert!(!is_at(&file, &lock));
    }
}
