//! `cargo deny`: licences, duplicates and sources of dependencies, by the rules in `deny.toml`.

use std::process::Command;

use crate::shell::{answers, cargo, root, run};
use crate::{Failure, is_ci};

const VERSION: &str = "0.20.2";

/// Checks the dependencies. In continuous integration it installs the tool if it is missing.
///
/// Advisories are not checked: they need a database from the network.
///
/// # Errors
///
/// When a rule is violated, or when the tool is missing in continuous integration.
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
        // Not optimised: it then compiles in half the time, and runs for a second.
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
