//! Running the command.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::{
    io::Write,
    process::{Child, Command, Output, Stdio},
};

use portcullis_test::TestIssuer;

pub(crate) const AUDIENCE: &str = "https://orders.example.com";

/// The exit code of a run, and what it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// Checks that stdout contains each of these texts.
    #[track_caller]
    pub(crate) fn prints(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stdout.contains(text), "{text}: {self:?}");
        }
        self
    }

    /// Checks that stderr contains each of these texts.
    #[track_caller]
    pub(crate) fn reports(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "{text}: {self:?}");
        }
        self
    }

    /// Checks that neither output contains one of these texts.
    #[track_caller]
    pub(crate) fn hides(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(!self.stdout.contains(text), "{text}: {self:?}");
            assert!(!self.stderr.contains(text), "{text}: {self:?}");
        }
        self
    }

    /// Awaits a command that may talk to a server of this test.
    pub(crate) async fn output(mut command: Command) -> Self {
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        Self::of(output.expect("no panic").expect("a command that runs"))
    }
}

pub(crate) fn spawn(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a command that starts")
}

/// Runs the command with `input`.
pub(crate) async fn run(arguments: &[&str], input: &str) -> Ended {
    let mut child = spawn(arguments);
    let input = input.to_owned();
    let running = tokio::task::spawn_blocking(move || {
        let mut stdin = child.stdin.take().expect("a pipe");
        // With wrong arguments the command ends without reading.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().expect("an exit status")
    });
    Ended::of(running.await.expect("no panic"))
}

/// Inspects what `input` holds, without an issuer.
pub(crate) async fn inspect_alone(input: &str) -> Ended {
    run(&["token", "inspect"], input).await
}

/// Checks the key set at `url`.
pub(crate) async fn check(url: &str) -> Ended {
    run(&["jwks", "check", url], "").await
}

/// Inspects `token` with the keys of `issuer`.
pub(crate) async fn inspect(issuer: &TestIssuer, token: &str, more: &[&str]) -> Ended {
    let url = issuer.url();
    let mut arguments = vec!["token", "inspect", "--issuer", &url, "--audience", AUDIENCE];
    arguments.extend(more);
    run(&arguments, token).await
}
