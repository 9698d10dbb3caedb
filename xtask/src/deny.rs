//! `cargo deny`: licences, duplicates and sources of the dependencies, by the rules of `deny.toml`.

use std::process::Command;

use crate::Failure;
use crate::shell::{answers, cargo, root, run};

const VERSION: &str = "0.20.2";

/// Checks the dependencies; in continuous integration, installs the tool first if it is missing.
///
/// Advisories are not among the checks: they need a database from the network, which a test run does not rely on.
///
/// # Errors
///
/// When a rule is broken, or the tool is missing and may not be.
pub(crate) fn check() -> Result<(), Failure> {
    let own = root().join("target/tools");
    let own_program = own.join("bin/cargo-deny");
    let program = [own_program.clone(), "cargo-deny".into()]
        .into_iter()
        .find(|program| answers(program, &["--version"]));
    let program = match program {
        Some(program) => program,
        None if crate::is_ci() => {
            // Unoptimised: it compiles in half the time and runs for a second.
            let install = [
                "install",
                "cargo-deny",
                "--version",
                VERSION,
                "--locked",
                "--debug",
                "--root",
            ];
            run(cargo(install).arg(&own))?;
            own_program
        }
        None => {
            println!("left out: cargo deny; install it with `cargo install --locked cargo-deny`");
            return Ok(());
        }
    };
    let checks = [
        "--workspace",
        "--all-features",
        "--color=never",
        "check",
        "bans",
        "licenses",
        "sources",
    ];
    run(Command::new(program)
        .arg("deny")
        .args(checks)
        .current_dir(root()))
}
