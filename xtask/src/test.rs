//! `cargo xtask test`: installs what the tests need, and runs them all.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::needs::{self, Need};
use crate::shell::{cargo, run as run_command, show};
use crate::totals::Totals;
use crate::{Failure, is_ci};

/// Runs every test that this machine can run, and lists those it cannot.
///
/// # Errors
///
/// When a test fails or does not compile, or when continuous integration would leave a part out.
pub(crate) fn run() -> Result<(), Failure> {
    let needs = needs::provide();
    // This also builds the programs that end-to-end tests start, with the same features of their dependencies.
    run_command(
        cargo(["build", "--workspace", "--all-features", "--all-targets"])
            .env("CARGO_TERM_COLOR", "never"),
    )?;
    let (mut totals, mut succeeded) = run_counting(&mut test_command(&needs, &[])?)?;
    // Again without the token cache, which must change speed alone.
    let mut without_cache = test_command(&needs, &WITH_TOKENS)?;
    let (more, succeeded_again) = run_counting(without_cache.env("PORTCULLIS_TOKEN_CACHE", "off"))?;
    totals += more;
    succeeded &= succeeded_again;

    println!();
    for Need { part, found, .. } in &needs {
        if let Err(advice) = found {
            println!("left out: {part}; {advice}");
        }
    }
    println!("{totals}");

    if !succeeded {
        return Err("the tests failed".to_owned());
    }
    if is_ci()
        && needs
            .iter()
            .any(|need| need.found.is_err() && !need.may_be_absent)
    {
        return Err("continuous integration may not leave these tests out".to_owned());
    }
    Ok(())
}

/// The tests that verify tokens through a scheme. They are selected from the workspace, not by package, so that nothing
/// is built again.
const WITH_TOKENS: [&str; 3] = ["--test=bearer", "--test=remote", "--test=suite"];

fn test_command(needs: &[Need], chosen: &[&str]) -> Result<Command, Failure> {
    // Cargo puts every program of the workspace beside xtask.
    let xtask =
        env::current_exe().map_err(|error| format!("cannot tell where xtask is: {error}"))?;
    let mut command = cargo(["test", "--workspace", "--all-features", "--no-fail-fast"]);
    command
        .args(chosen)
        .env("CARGO_TERM_COLOR", "never")
        .env("PORTCULLIS_PROGRAMS", xtask.parent().unwrap_or(&xtask));
    let mut skipped = Vec::new();
    for need in needs {
        match &need.found {
            Ok(Some((name, value))) => _ = command.env(name, value),
            Ok(None) => {}
            Err(_) => skipped.extend(["--skip", need.tests]),
        }
    }
    if !skipped.is_empty() {
        command.arg("--").args(skipped);
    }
    Ok(command)
}

/// Runs the tests and prints their output; returns the sum of their totals, and whether all passed.
fn run_counting(command: &mut Command) -> Result<(Totals, bool), Failure> {
    let explain = |error| format!("cannot run the tests: {error}");
    show(command);
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(explain)?;
    let mut totals = Totals::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.map_err(explain)?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            if let Some(counted) = Totals::parse(&line) {
                totals += counted;
            }
        }
    }
    let status = child.wait().map_err(explain)?;
    Ok((totals, status.success()))
}
