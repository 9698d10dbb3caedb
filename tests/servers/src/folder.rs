//! A server's folder, and the guardian that cleans up after a test process that was killed.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Reads until the test process closes the pipe or ends, then kills the server that `pid` names and removes the folder.
const GUARDIAN: &str = r#"
read -r _
if pid=$(cat "$1/pid" 2>/dev/null); then
    kill -s KILL "$pid" $(cat "/proc/$pid/task/$pid/children") 2>/dev/null
    # The processes write until they are gone.
    sleep 0.2
fi
rm -rf "$1"
"#;

/// A temporary folder. A shell process in the background removes it even if the test process is killed.
#[derive(Debug)]
pub(crate) struct Folder {
    folder: TempDir,
    guardian: Child,
}

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix(&format!("portcullis-{name}-"))
            .tempdir()
            .expect("a temporary folder");
        let guardian = Command::new("sh")
            .args(["-c", GUARDIAN, "guardian"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl+C in a terminal must not end it before the test process.
            .process_group(0)
            .spawn()
            .expect("a shell");
        Self { folder, guardian }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Notes which process the guardian kills.
    pub(crate) fn note_process(&self, id: u32) {
        fs::write(self.path().join("pid"), id.to_string()).expect("a file in the temporary folder");
    }

    /// Another process may get the id of a process that has ended.
    pub(crate) fn forget_process(&self) {
        match fs::remove_file(self.path().join("pid")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => panic!("{error}"),
            _ => {}
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The server has ended.
        drop(self.guardian.stdin.take());
        let _ = self.guardian.wait();
    }
}
