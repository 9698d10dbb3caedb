//! `cargo deny`: licences, duplicates and sources of the dependencies, by the rules of `deny.toml`.

use std::process::Command;

use crate::shell::{answers, cargo, root, run};
use crate::{Failure, is_ci};

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
    let mut candidates = [own_program.clone(), "cargo-deny".into()].into_iter();
    let program = candidates.find(|program| answers(program, &["--version"]));
    if program.is_none() && !is_ci() {
        println!("left out: cargo deny; install it with `cargo install --locked cargo-deny`");
        return Ok(());
    }
    if program.is_none() {
        // Unoptimised: it compiles in half the time and runs for a second.
        let install = [
            "install",
            "cargo-deny",
            "--version",
            VERSION,
            "--locked",
            "--debug",
        ];
        run(cargo(install).arg("--root").arg(&own))?;
    }
    let checks = [
        "--workspace",
        "--all-features",
        "--color=never",
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ];
    run(Command::new(program.unwrap_or(own_program))
        .arg("deny")
        .args(checks)
        .current_dir(root()))
}
