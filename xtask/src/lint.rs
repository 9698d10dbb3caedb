//! `cargo xtask lint`: all checks that do not run the code.

use std::process::Command;

use crate::features::FeatureSets;
use crate::shell::{cargo, output, root, run as run_command};
use crate::{Failure, deny, features, is_ci};

/// The crates that a service without tokio can use.
const RUNTIME_FREE: [&str; 4] = [
    "portcullis-core",
    "portcullis-file",
    "portcullis-jose",
    "portcullis-jwt",
];

/// Runs every check even if one fails, so that one run reports everything.
///
/// # Errors
///
/// Lists the checks that failed.
pub(crate) fn run() -> Result<(), Failure> {
    let checks: [fn() -> Result<(), Failure>; 9] = [
        formatting,
        clippy,
        documentation,
        feature_sets,
        runtime_free,
        verifier_only,
        files_only,
        lock_file,
        deny::check,
    ];
    let failures: Vec<Failure> = checks.iter().filter_map(|check| check().err()).collect();
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failures.join("\n"))
    }
}

fn formatting() -> Result<(), Failure> {
    run_command(&mut cargo(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<(), Failure> {
    run_command(&mut cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]))
}

fn documentation() -> Result<(), Failure> {
    let mut command = cargo(["doc", "--workspace", "--lib", "--all-features", "--no-deps"]);
    run_command(command.env("RUSTDOCFLAGS", "-D warnings"))
}

/// Every feature set must compile without warnings.
fn feature_sets() -> Result<(), Failure> {
    for FeatureSets { package, sets } in features::of_workspace()? {
        for set in sets {
            let chosen = format!("--features={set}");
            let build = [
                "clippy",
                "--quiet",
                "--package",
                &package,
                "--no-default-features",
                &chosen,
            ];
            run_command(cargo(build).args(["--", "-D", "warnings"]))?;
        }
    }
    Ok(())
}

fn runtime_free() -> Result<(), Failure> {
    for package in RUNTIME_FREE {
        refuse_dependency(package, &["--all-features"], "tokio")?;
    }
    Ok(())
}

/// A service that only verifies tokens compiles neither client authentication nor the parser of certificates.
fn verifier_only() -> Result<(), Failure> {
    let features = ["--no-default-features", "--features=remote,jwt,axum"];
    refuse_dependency("portcullis", &features, "x509-cert")
}

/// A service with API keys in a file compiles no client of a database.
fn files_only() -> Result<(), Failure> {
    let features = [
        "--no-default-features",
        "--features=remote,jwt,api-key,file,axum",
    ];
    for refused in ["sqlx", "redis"] {
        refuse_dependency("portcullis", &features, refused)?;
    }
    Ok(())
}

fn refuse_dependency(package: &str, features: &[&str], refused: &str) -> Result<(), Failure> {
    let tree = [
        "tree",
        "--package",
        package,
        "--edges=normal",
        "--prefix=none",
        "--format={p}",
    ];
    let tree = output(cargo(tree).args(features))?;
    match tree.lines().find(|line| line.starts_with(refused)) {
        Some(found) => Err(format!("{package} must not depend on {found}")),
        None => Ok(()),
    }
}

/// Cargo updates a stale lock file during a build; a fresh clone must not need that.
fn lock_file() -> Result<(), Failure> {
    // At a desk it may be in the middle of a change.
    if !is_ci() {
        return Ok(());
    }
    let diff = ["diff", "--exit-code", "--", "Cargo.lock"];
    run_command(Command::new("git").args(diff).current_dir(root()))
}
