//! Files that the options name.

use std::{
    fs::File, io, os::unix::fs::PermissionsExt, path::Path, sync::mpsc, thread, time::Duration,
};

use portcullis_core::Secret;
use portcullis_remote::HttpSettings;

use crate::output;

/// Reads a secret, with a warning if other users can read the file. Unlike a service's, the file may be a pipe.
pub(crate) fn read(path: &Path) -> Result<Secret, String> {
    const MAX_BYTES: u64 = 64 * 1024;

    let read = || {
        let file = open(path)?;
        let metadata = file.metadata()?;
        Ok((portcullis_file::read_bounded(file, MAX_BYTES)?, metadata))
    };
    let shown = path.display();
    let (content, metadata) =
        read().map_err(|error: io::Error| format!("cannot read the file {shown}: {error}"))?;
    if content.trim_ascii().is_empty() {
        return Err(format!(
            "the file {shown} is empty: check the path, or for a pipe the command that writes to it"
        ));
    }
    // The mode of a pipe, as in --client-secret-file <(vault read …), does not matter.
    if metadata.is_file() && metadata.permissions().mode() & 0o044 != 0 {
        output::note(format_args!(
            "warning: other users can read {shown}: if it contains a secret, replace the secret, and `chmod 600` the file"
        ));
    }
    Ok(Secret::new(&content[..]))
}

/// Opens the file. The opening of a pipe waits until a process opens it for writing.
fn open(path: &Path) -> io::Result<File> {
    const PIPE_WAIT: Duration = Duration::from_secs(10);

    let (sender, opened) = mpsc::channel();
    let path = path.to_owned();
    thread::spawn(move || sender.send(File::open(path)));
    opened.recv_timeout(PIPE_WAIT).unwrap_or_else(|_| {
        let seconds = PIPE_WAIT.as_secs();
        let problem = format!(
            "it could not be opened within {seconds} s: if it is a pipe, start the process that writes to it, or else check \
             its volume"
        );
        Err(io::Error::new(io::ErrorKind::TimedOut, problem))
    })
}

pub(crate) fn http_settings(ca: &Path) -> Result<HttpSettings, String> {
    let settings = HttpSettings::default().root_certificates_file(ca);
    settings.map_err(|error| format!("--ca {}: {error}", ca.display()))
}
