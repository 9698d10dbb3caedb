//! gungraun's runner, which starts the benchmarks under valgrind.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::Failure;
use crate::shell::{answers, cargo, output, root, run};

/// Installs the runner of the release that the benchmark is built with, and returns its path.
///
/// # Errors
///
/// When it cannot be installed.
pub(super) fn install() -> Result<PathBuf, Failure> {
    let lock = fs::read_to_string(root().join("bench/Cargo.lock"))
        .map_err(|error| format!("cannot read bench/Cargo.lock: {error}"))?;
    let version = locked(&lock).ok_or("bench/Cargo.lock does not name gungraun")?;
    let tools = root().join("target/tools");
    let program = tools.join("bin/gungraun-runner");
    let installed = answers(&program, &["--version"])
        .then(|| output(Command::new(&program).arg("--version")))
        .and_then(Result::ok);
    if installed.is_none_or(|installed| installed != format!("gungraun-runner {version}")) {
        let version = format!("={version}");
        // Not optimised, since it only waits for valgrind.
        let install = ["install", "gungraun-runner", "--locked", "--debug"];
        run(cargo(install)
            .args(["--version", &version, "--root"])
            .arg(&tools)
            .env("CARGO_PROFILE_DEV_DEBUG", "false"))?;
    }
    Ok(program)
}

/// The release of gungraun in a lock file.
fn locked(lock: &str) -> Option<&str> {
    let mut lines = lock.lines();
    lines.find(|line| *line == r#"name = "gungraun""#)?;
    let version = lines.next()?.strip_prefix(r#"version = ""#)?;
    version.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_follows_the_name() {
        let lock = "[[package]]\nname = \"gungraun-macros\"\nversion = \"0.10.0\"\n\n\
                    [[package]]\nname = \"gungraun\"\nversion = \"0.20.0\"\n";
        assert_eq!(locked(lock), Some("0.20.0"));
        assert_eq!(locked("version = 4\n"), None);
    }
}
