//! Python programs of the tests, each in a virtual environment of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::shell::{answers, root, run};
use crate::{Failure, apt};

/// Installs `requirements.txt` of a folder into the virtual environment `venv` beside it, and returns the path of its Python.
/// `module` is one of those installed.
///
/// # Errors
///
/// Says what to install when this cannot.
pub(crate) fn provide(folder: &str, module: &str) -> Result<PathBuf, Failure> {
    let fixture = root().join(folder);
    let environment = fixture.join("venv");
    let python = environment.join("bin/python");
    let stamp = environment.join("installed-from");
    let pinned =
        fs::read_to_string(fixture.join("requirements.txt")).map_err(|error| error.to_string())?;
    // An upgrade of the machine's Python leaves an environment without packages.
    if fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == pinned)
        && answers(&python, &["-c", &format!("import {module}")])
    {
        return Ok(python);
    }
    // On Debian, `venv` lacks `ensurepip` unless python3-venv is installed.
    if !answers("python3", &["-m", "ensurepip", "--version"]) {
        apt::install(&["python3-venv"])?;
    }
    run(Command::new("python3")
        .args(["-m", "venv", "--clear", "venv"])
        .current_dir(&fixture))?;
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--no-cache-dir"])
        .args(["--disable-pip-version-check", "--only-binary=:all:"])
        .args(["--require-hashes", "--requirement=requirements.txt"])
        .current_dir(&fixture))?;
    fs::write(stamp, pinned).map_err(|error| error.to_string())?;
    Ok(python)
}
