//! Running the command.

use std::{
    io::Write,
    process::{Command, Stdio},
};

pub(crate) const AUDIENCE: &str = "https://orders.example.com";

/// Runs the command with `input`; its status and what it printed, stdout and stderr.
pub(crate) async fn run(arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
    let arguments: Vec<String> = arguments
        .iter()
        .map(|&argument| argument.to_owned())
        .collect();
    let input = input.to_owned();
    tokio::task::spawn_blocking(move || {
        let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut stdin = child.stdin.take().expect("piped");
        // It may end without reading, as with wrong arguments.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    })
    .await
    .expect("it does not panic")
}
