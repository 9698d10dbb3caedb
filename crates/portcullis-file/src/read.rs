use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use zeroize::Zeroizing;

#[cfg(target_os = "linux")]
use crate::mount::is_mount_point;
use crate::{Contents, Stamp, contents::is_replaceable};

/// Reads the regular file at `path`, which may be a symbolic link to one.
///
/// # Errors
///
/// When the file cannot be read, is not a regular file, is larger than `max_bytes`, or keeps changing while it is read.
pub fn read(path: &Path, max_bytes: u64) -> io::Result<Contents> {
    read_settled(path, max_bytes, || open(path)).map(|(contents, _)| contents)
}

/// Reads a text file that decides who is let in, such as a token profile.
///
/// # Errors
///
/// As [`read_trusted`], and when the file is not UTF-8.
pub fn read_config(path: &Path, max_bytes: u64) -> io::Result<String> {
    read_trusted(path, max_bytes)?.text().map(str::to_owned)
}

/// Reads a file that decides who is trusted, such as root certificates.
///
/// # Errors
///
/// As [`read`], and when every user may write the file.
pub fn read_trusted(path: &Path, max_bytes: u64) -> io::Result<Contents> {
    let contents = read(path, max_bytes)?;
    contents.reject_writable_by_everyone(": `chmod o-w` the file")?;
    Ok(contents)
}

/// Reads all of `reader`, such as a pipe. The bytes are zeroed on drop.
///
/// # Errors
///
/// When `reader` fails or has more than `max_bytes` bytes.
pub fn read_bounded(reader: impl Read, max_bytes: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    read_into(Zeroizing::default(), reader, max_bytes)
}

/// Reads the file that `open` opens, and returns its contents and the open file. `path` is the path of the file.
pub(crate) fn read_settled(
    path: &Path,
    max_bytes: u64,
    mut open: impl FnMut() -> io::Result<File>,
) -> io::Result<(Contents, File)> {
    const ATTEMPTS: usize = 5;
    for attempt in 1..=ATTEMPTS {
        let file = open()?;
        let metadata = file.metadata()?;
        let mut stamp = Stamp::from_metadata(&metadata);
        // If the file was replaced just after it was opened, the new file can be opened now. If it is replaced later, the
        // ctime of the opened inode changes, so the comparison below fails.
        let is_detached = stamp.inode.is_unlinked(&file);
        if attempt < ATTEMPTS && is_detached {
            continue;
        }
        let length = metadata.len();
        if length > max_bytes {
            return Err(too_large(max_bytes));
        }
        // Sized for the whole file: a buffer that grows leaves copies of secrets behind.
        let buffer = Zeroizing::new(Vec::with_capacity(length as usize + 1));
        let bytes = read_into(buffer, &file, max_bytes)?;
        // If the file was written in place while it was read, the bytes may be part old and part new.
        if Stamp::from_metadata(&file.metadata()?) == stamp {
            stamp.is_replaceable = is_replaceable(path);
            let contents = Contents {
                bytes,
                stamp,
                is_detached,
                is_mount_point: is_mount_point(&file),
            };
            return Ok((contents, file));
        }
    }
    Err(io::Error::other(
        "the file kept changing: replace it by renaming",
    ))
}

#[cfg(not(target_os = "linux"))]
fn is_mount_point(_: &File) -> bool {
    false
}

/// Opens a regular file, without waiting for a writer if it is a FIFO.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;

        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        options.custom_flags(flags.bits() as i32);
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is not a regular file: give one"))
    }
}

fn read_into(
    mut buffer: Zeroizing<Vec<u8>>,
    reader: impl Read,
    max_bytes: u64,
) -> io::Result<Zeroizing<Vec<u8>>> {
    reader.take(max_bytes + 1).read_to_end(&mut buffer)?;
    if buffer.len() as u64 > max_bytes {
        return Err(too_large(max_bytes));
    }
    Ok(buffer)
}

fn too_large(max_bytes: u64) -> io::Error {
    io::Error::other(format!(
        "it has more than {max_bytes} bytes, the fixed limit: check that it has the right content and nothing else"
    ))
}
