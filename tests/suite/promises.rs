//! Checks what the sources show: that the tests named in the documentation exist, and how errors are printed.

use std::{collections::HashSet, fs, path::Path};

#[test]
fn security_tests_page_names_existing_tests() {
    assert_tests_exist("docs/security-tests.md", 100);
}

#[test]
fn conformance_page_names_existing_tests() {
    assert_tests_exist("docs/conformance.md", 150);
}

/// Checks that the last column of every table in `page` names existing tests, at least `least` in all.
fn assert_tests_exist(page: &str, least: usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join(page)).expect("the page");
    let mut existing = HashSet::new();
    for folder in ["crates", "examples", "tests"] {
        visit_sources(&root.join(folder), &mut |_, text| {
            let functions = text.split("fn ").skip(1);
            existing.extend(functions.filter_map(|rest| Some(rest.split_once('(')?.0.to_owned())));
        });
    }
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let mut named = 0;
    for row in rows {
        let (_, tests) = row
            .trim_end_matches('|')
            .rsplit_once('|')
            .expect("a column");
        for test in tests.split('`').skip(1).step_by(2) {
            assert!(existing.contains(test), "unknown test {test}");
            named += 1;
        }
    }
    assert!(named >= least, "the page names only {named} tests");
}

/// A `main` that returns an error prints its `Debug`.
#[test]
fn debug_of_every_public_error_is_its_message() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut found = 0;
    visit_sources(&crates, &mut |path, text| {
        for item in text.split("#[derive(").skip(1) {
            let (derives, item) = item.split_once(')').expect("a list");
            let mut lines = item.lines().map(str::trim_start);
            let declared = lines.find(|line| {
                ["pub ", "pub(", "struct ", "enum "]
                    .iter()
                    .any(|start| line.starts_with(start))
            });
            let Some(declared) = declared.and_then(|line| line.strip_prefix("pub ")) else {
                continue;
            };
            let name = declared
                .split([' ', '(', '<', ';'])
                .nth(1)
                .unwrap_or_default();
            if derives.contains("Error") || text.contains(&format!("Error for {name} ")) {
                assert!(!derives.contains("Debug"), "{}: {name}", path.display());
                found += 1;
            }
        }
    });
    assert!(found >= 20, "only {found} errors were found");
}

/// Calls `visit` with each Rust file below `folder` and its text.
fn visit_sources(folder: &Path, visit: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).expect("a folder of the checkout") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            visit_sources(&path, visit);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            visit(&path, &fs::read_to_string(&path).expect("a source file"));
        }
    }
}
