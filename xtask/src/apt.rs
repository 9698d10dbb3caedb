//! Installing Debian packages.

use std::path::Path;
use std::process::Command;

use crate::Failure;
use crate::shell::{answers, output, run};

/// Installs packages on Debian, as root or with `sudo` if that needs no password.
///
/// # Errors
///
/// Says what to install when this cannot.
pub(crate) fn install(packages: &[&str]) -> Result<(), Failure> {
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
        let environment = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"];
        let words = ["sudo", "-n"]
            .into_iter()
            .skip(if is_root { 2 } else { 0 })
            .chain(environment);
        let mut words = words.chain(arguments.iter().copied());
        let mut command = Command::new(words.next().unwrap_or("env"));
        command.args(words);
        command
    };
    run(&mut apt_get(&["update"]))
        .and_then(
            |()| run(apt_get(&["install", "--yes", "--no-install-recommends"]).args(packages)),
        )
        .map_err(|failure| format!("{failure}; {advice}"))
}
