//! Servers that run as scripts. Each prints one line of JSON once it listens, and ends when its standard input closes.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

const TIMEOUT: Duration = Duration::from_secs(60);

/// Starts a script. Returns its process, which ends when dropped, and its output.
///
/// # Errors
///
/// If it cannot be started, or ends without output.
pub(crate) async fn start(command: &mut Command) -> Result<(Child, Value), String> {
    let mut child = command
        .stdin(Stdio::piped()) // it ends with this process, even after a crash
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot start {command:?}: {error}"))?;
    let mut stdout = BufReader::new(child.stdout.take().expect("a piped output"));
    let mut line = String::new();
    let read = timeout(TIMEOUT, stdout.read_line(&mut line))
        .await
        .expect("the server starts in time");
    if read.is_ok_and(|length| length > 0) {
        let started = serde_json::from_str(&line).expect("a first line of JSON");
        Ok((child, started))
    } else {
        Err(format!("{command:?} did not start a server"))
    }
}
