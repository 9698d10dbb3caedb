//! The programs under test, as the workspace builds them.

use std::collections::HashSet;
use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{LazyLock, Mutex, PoisonError};

/// The path of a program of the workspace, such as `orders-api`, built from the current sources.
///
/// `cargo xtask test` builds them all beforehand and says where they are in `PORTCULLIS_PROGRAMS`. A plain `cargo test`
/// builds only the programs of the package under test, so this function builds the requested one.
///
/// # Panics
///
/// If it cannot be built.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    if let Some(folder) = env::var_os("PORTCULLIS_PROGRAMS") {
        return PathBuf::from(folder).join(name);
    }
    static BUILT: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if !built.contains(name) {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args([
                "build",
                "--quiet",
                "--workspace",
                "--all-features",
                "--bin",
                name,
            ])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "cannot build {name}"
        );
        built.insert(name.to_owned());
    }
    // This test runs as target/debug/deps/suite-…, the program as target/debug/NAME.
    let test = env::current_exe().expect("the path of this test");
    let folder = test.ancestors().nth(2).expect("the folder of the build");
    folder.join(name)
}
