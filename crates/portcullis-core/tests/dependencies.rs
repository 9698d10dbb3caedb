//! The crate needs no runtime.

use std::process::Command;

#[test]
fn tokio_is_not_a_dependency() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            env!("CARGO_PKG_NAME"),
            "--all-features",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--offline",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let tree = String::from_utf8(tree.stdout).expect("UTF-8");
    let names: Vec<_> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(names.contains(&"http-body"), "the tree was read: {tree}");
    for runtime in ["tokio", "tokio-util", "async-std", "smol", "hyper"] {
        assert!(!names.contains(&runtime), "{tree}");
    }
}
