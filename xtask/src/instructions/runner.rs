//! The program that runs the benchmark under valgrind.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::Failure;
use crate::shell::{answers, cargo, output, root, run};

/// Answers with the runner of the very release that the benchmark is built with; installs it if need be.
///
/// # Errors
///
/// When it cannot be installed.
pub(crate) fn provide() -> Result<PathBuf, Failure> {
    let lock = fs::read_to_string(root().join("bench/Cargo.lock"))
        .map_err(|error| format!("cannot read bench/Cargo.lock: {error}"))?;
    let version = locked(&lock).ok_or("bench/Cargo.lock does not name gungraun")?;
    let tools = root().join("target/tools");
    let program = tools.join("bin/gungraun-runner");
    let here = answers(&program, &["--version"])
        .then(|| output(Command::new(&program).arg("--version")))
        .and_then(Result::ok);
    if here.is_none_or(|here| here != format!("gungraun-runner {version}")) {
        let exactly = format!("={version}");
        // Unoptimised, and without what a debugger needs: it only waits for valgrind.
        let install = ["install", "gungraun-runner", "--locked", "--debug"];
        run(cargo(install)
            .args(["--version", &exactly, "--root"])
            .arg(&tools)
            .env("CARGO_PROFILE_DEV_DEBUG", "false"))?;
    }
    Ok(program)
}

/// The release of gungraun in a lock file.
fn locked(lock: &str) -> Option<&str> {
    let mut lines = lock.lines();
    lines.find(|line| *line == r#"name = "gungraun""#)?;
    lines
        .next()?
        .strip_prefix(r#"version = ""#)?
        .strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_stands_below_the_name() {
        let lock = "[[package]]\nname = \"gungraun-macros\"\nversion = \"0.10.0\"\n\n\
                    [[package]]\nname = \"gungraun\"\nversion = \"0.20.0\"\n";
        assert_eq!(locked(lock), Some("0.20.0"));
        assert_eq!(locked("version = 4\n"), None);
    }
}
