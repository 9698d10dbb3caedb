//! Replacing the file so that readers see the old or the new one, and a crash leaves one of them.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use super::error::KeyFileError;

/// The right to replace a key file. Other writers, in any process, wait until it is dropped.
///
/// The lock is on a file of its own, `keys.toml.lock`, since the key file itself is replaced. Its holder removes it, so
/// that root's lock is not in the way of the key file's owner later.
pub(super) struct Locked {
    /// The file itself: where symlinks lead.
    target: PathBuf,
    lock: PathBuf,
    file: File,
}

impl Locked {
    /// Waits for the right to replace the file at `path`, which need not exist.
    pub(super) fn wait(path: &Path, timeout: Duration) -> Result<Self, KeyFileError> {
        let target = resolve(path).map_err(KeyFileError::write(path))?;
        let lock = beside(&target, "", ".lock");
        let file = poll(timeout, || try_lock(&lock, &target))?;
        Ok(Self { target, lock, file })
    }

    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Replaces the file. When this returns, the new one survives a loss of power.
    pub(super) fn replace(&self, text: &str) -> Result<(), KeyFileError> {
        let temporary = beside(&self.target, ".", ".tmp");
        // Left by a writer that crashed: the lock keeps others away.
        remove_if_there(&temporary).map_err(KeyFileError::write(&temporary))?;
        let replaced = self.write_and_rename(&temporary, text);
        if replaced.is_err() {
            // The caller is told what failed; that the remains stay as well would not help.
            let _ = fs::remove_file(&temporary);
        }
        replaced.map_err(|error| match error.kind() {
            io::ErrorKind::ResourceBusy => io::Error::other(format!(
                "{error}: the file is mounted by itself and cannot be replaced here: mount its directory, or change the \
                 file where it is mounted from"
            )),
            _ => error,
        })
        .map_err(KeyFileError::write(&self.target))
    }

    fn write_and_rename(&self, temporary: &Path, text: &str) -> io::Result<()> {
        let mut file = private(OpenOptions::new().write(true).create_new(true)).open(temporary)?;
        keep_owner(&file, &self.target)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        drop(file);
        fs::rename(temporary, &self.target)?;
        sync_directory(&self.target)
    }
}

#[cfg(unix)]
impl Drop for Locked {
    /// Removes the lock file while the lock is held. A waiter that has it open notices, and opens the next. If someone
    /// else removed it, the file there now is another holder's.
    fn drop(&mut self) {
        if is_at(&self.file, &self.lock) {
            let _ = fs::remove_file(&self.lock);
        }
    }
}

/// Repeats `attempt` while it fails with `Locked`, for about `timeout`.
fn poll<T>(
    timeout: Duration,
    mut attempt: impl FnMut() -> Result<T, KeyFileError>,
) -> Result<T, KeyFileError> {
    // A poll may take long on a busy machine. With few of them, the time slept is about the time that passes.
    const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
    const LONGEST_PAUSE: Duration = Duration::from_millis(100);

    let mut waited = Duration::ZERO;
    let mut pause = SHORTEST_PAUSE;
    loop {
        match attempt() {
            Err(KeyFileError::Locked { .. }) if waited < timeout => {}
            outcome => return outcome,
        }
        thread::sleep(pause);
        waited += pause;
        pause = LONGEST_PAUSE.min(2 * pause);
    }
}

/// Takes the lock, or fails with `Locked`. Also when its last holder removed the file after it was opened: others wait
/// for its successor.
fn try_lock(lock: &Path, target: &Path) -> Result<File, KeyFileError> {
    let mut holder = None;
    if let Some(file) = open_lock(lock, target).map_err(KeyFileError::write(lock))? {
        match file.try_lock() {
            Ok(()) if is_at(&file, lock) => return Ok(file),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => holder = holder_of(&file),
            Err(TryLockError::Error(error)) => return Err(KeyFileError::write(lock)(error)),
        }
    }
    Err(KeyFileError::Locked {
        holder,
        path: lock.to_owned(),
    })
}

/// Opens the lock file, or makes it. `None` if it was removed in between.
///
/// A user who can write to the directory can put another file there: no link is followed and only a regular file is
/// taken, which is neither written to nor given away.
fn open_lock(lock: &Path, target: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    private(options.read(true).write(true));
    match options.clone().create_new(true).open(lock) {
        Ok(file) => {
            give_to_owner(&file, target);
            return Ok(Some(file));
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;

        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
    }
    match options.open(lock) {
        Ok(file) if file.metadata()?.is_file() => Ok(Some(file)),
        Ok(_) => Err(io::Error::other("it is not a regular file: remove it")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(_) if lock.is_symlink() => Err(io::Error::other("it is a symbolic link: remove it")),
        Err(error) => Err(error),
    }
}

/// Whether the path still leads to the opened file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(file), Ok(there)) => (file.dev(), file.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// The process that holds the lock on the opened file, as far as Linux tells.
fn holder_of(file: &File) -> Option<String> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{major, minor};
        use std::os::unix::fs::MetadataExt;

        let metadata = file.metadata().ok()?;
        let (device, inode) = (metadata.dev(), metadata.ino());
        let id = format!("{:02x}:{:02x}:{inode}", major(device), minor(device));
        let locks = fs::read_to_string("/proc/locks").ok()?;
        // 1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF
        let pid = locks.lines().find_map(|line| {
            let mut fields = line.split_ascii_whitespace().skip(4);
            let (pid, place) = (fields.next()?, fields.next()?);
            (place == id).then_some(pid)
        })?;
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        Some(format!(
            "process {pid} ({})",
            portcullis_core::escape(name.trim_end())
        ))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = file;
        None
    }
}

/// The file that is to be replaced, so that symlinks stay.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if path.is_symlink() {
                return Err(io::Error::other("it is a symlink that leads nowhere"));
            }
            let name = path
                .file_name()
                .ok_or_else(|| io::Error::other("it names no file"))?;
            Ok(directory(path).canonicalize()?.join(name))
        }
        resolved => resolved,
    }
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}

/// `keys.toml` → `{before}keys.toml{after}`, in the same directory.
fn beside(target: &Path, before: &str, after: &str) -> PathBuf {
    let mut name = OsString::from(before);
    name.push(target.file_name().unwrap_or_default());
    name.push(after);
    target.with_file_name(name)
}

/// Only the owner may read what is created.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Gives the lock that root made to the owner of the key file, or of its directory, so that this user can wait for it.
/// Others may not give files away, and in a user namespace the owner may have no id: the lock works all the same.
#[cfg(unix)]
fn give_to_owner(lock: &File, target: &Path) {
    use std::os::unix::fs::{MetadataExt, fchown};

    if let Ok(owned) = fs::metadata(target).or_else(|_| fs::metadata(directory(target))) {
        let _ = fchown(lock, Some(owned.uid()), Some(owned.gid()));
    }
}

#[cfg(not(unix))]
fn give_to_owner(_: &File, _: &Path) {}

/// A file that someone else edits stays readable for the service: as its owner, or in its group where that, and nobody
/// else, was let read it.
#[cfg(unix)]
fn keep_owner(file: &File, target: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

    const GROUP_READS: u32 = 0o040;
    const OTHERS_READ: u32 = 0o004;

    let (old, new) = match fs::metadata(target) {
        Ok(old) => (old, file.metadata()?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
        fchown(file, Some(old.uid()), Some(old.gid()))?;
    }
    if old.mode() & (GROUP_READS | OTHERS_READ) != GROUP_READS {
        return Ok(());
    }
    file.set_permissions(fs::Permissions::from_mode(0o600 | GROUP_READS))
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes the rename last.
fn sync_directory(target: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(directory(target))?.sync_all()?;
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

    use super::*;

    const NOBODY: u32 = 65_534;

    /// Root's lock, which a crash may leave behind, must not keep the owner out.
    #[test]
    fn the_lock_belongs_to_the_owner_of_the_store() {
        let directory = tempfile::tempdir().expect("a directory");
        if chown(directory.path(), Some(NOBODY), Some(NOBODY)).is_err() {
            eprintln!("left out: only root can give files away");
            return;
        }
        let path = directory.path().join("keys.toml");
        let owner_of_lock = || {
            let locked = Locked::wait(&path, Duration::ZERO).expect("locked");
            fs::metadata(&locked.lock).expect("there").uid()
        };
        assert_eq!(owner_of_lock(), NOBODY, "as its directory");
        fs::write(&path, "").expect("written");
        assert_eq!(owner_of_lock(), 0, "as the key file");
        chown(&path, Some(NOBODY), None).expect("given away");
        assert_eq!(owner_of_lock(), NOBODY, "as the key file");
    }

    /// The owner of the directory has no id in the user namespace, so the lock cannot be given to that user.
    #[test]
    fn unmapped_owner_of_the_directory_does_not_fail_the_lock() {
        use std::{env, process::Command};

        const INSIDE: &str = "PORTCULLIS_TEST_DIRECTORY_OF_UNMAPPED_OWNER";
        if let Some(directory) = env::var_os(INSIDE) {
            let path = Path::new(&directory).join("keys.toml");
            Locked::wait(&path, Duration::ZERO).expect("locked");
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
            eprintln!("left out: it needs root and user namespaces");
            return;
        }
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).expect("set");
        let status = Command::new("unshare")
            .args(unshare)
            .arg(env::current_exe().expect("a test binary"))
            .arg("unmapped_owner_of_the_directory_does_not_fail_the_lock")
            .env(INSIDE, directory.path())
            .status();
        assert!(status.expect("it runs").success());
    }

    #[test]
    fn only_the_own_lock_file_is_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let locked =
            Locked::wait(&directory.path().join("keys.toml"), Duration::ZERO).expect("locked");
        let lock = locked.lock.clone();
        fs::remove_file(&lock).expect("removed");
        fs::write(&lock, "").expect("another");
        drop(locked);
        assert!(lock.exists(), "it is another holder's");
    }

    #[test]
    fn waiting_ends_also_when_nobody_is_known_to_hold_the_lock() {
        let mut attempts = 0;
        let waited: Result<(), _> = poll(Duration::from_millis(15), || {
            attempts += 1;
            Err(KeyFileError::Locked {
                holder: None,
                path: "keys.toml.lock".into(),
            })
        });
        assert!(matches!(waited, Err(KeyFileError::Locked { .. })));
        assert_eq!(attempts, 3, "after 0, 5 and 15 ms");
    }

    #[test]
    fn a_lock_that_was_removed_meanwhile_is_not_held() {
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
