//! Checks that the tests named in the documentation exist.

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
        collect_functions(&root.join(folder), &mut existing);
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

/// The names of all functions below `folder`.
fn collect_functions(folder: &Path, names: &mut HashSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder of the checkout") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect_functions(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            let functions = text.split("fn ").skip(1);
            names.extend(functions.filter_map(|rest| Some(rest.split_once('(')?.0.to_owned())));
        }
    }
}
