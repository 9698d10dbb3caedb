//! Installing Debian packages.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use crate::Failure;
use crate::shell::{answers, output, root, run};

/// Installs packages on Debian, as root or with `sudo` if that needs no password.
///
/// # Errors
///
/// Says what to install when this cannot.
pub(crate) fn install(packages: &[&str]) -> Result<(), Failure> {
    install_by(&[], packages)
}

/// Like [`install`], for servers that only the tests start.
///
/// # Errors
///
/// Like [`install`].
pub(crate) fn install_without_services(packages: &[&str]) -> Result<(), Failure> {
    let script = root().join("xtask/without-services.sh");
    install_by(&["sh".into(), script.into()], packages)
}

/// `runner` runs the command in its arguments.
fn install_by(runner: &[OsString], packages: &[&str]) -> Result<(), Failure> {
    let advice = format!(
        "install {} (on Debian: sudo apt-get install {})",
        packages.join(" and "),
        packages.join(" ")
    );
    if !Path::new("/etc/debian_version").exists() || !answers("apt-get", &["--version"]) {
        return Err(advice);
    }
    let is_root = output(Command::new("id").arg("-u")).is_ok_and(|uid| uid == "0");
    if !is_root && !answers("sudo", &["-n", "true"]) {
        return Err(advice);
    }
    let apt_get = |arguments: &[&str]| {
        let mut command = Command::new(if is_root { "env" } else { "sudo" });
        if !is_root {
            command.args(["-n", "env"]);
        }
        command
            .arg("DEBIAN_FRONTEND=noninteractive")
            .args(runner)
            .args(["apt-get", "-qq"])
            .args(arguments);
        command
    };
    run(&mut apt_get(&["update"]))
        .and_then(
            |()| run(apt_get(&["install", "--yes", "--no-install-recommends"]).args(packages)),
        )
        .map_err(|failure| format!("{failure}; {advice}"))
}
