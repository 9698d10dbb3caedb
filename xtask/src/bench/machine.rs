//! What the figures are of.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use super::table::Table;
use crate::Failure;
use crate::shell::{output, root};

const FILE: &str = "machine.md";

/// Leaves the facts with the results, for a page that is written later, or on another machine.
///
/// # Errors
///
/// When they cannot be written.
pub(super) fn keep(results: &Path) -> Result<(), Failure> {
    let file = results.join(FILE);
    fs::write(&file, facts().to_string()).map_err(|error| format!("{}: {error}", file.display()))
}

/// The facts that were left with results; those of here and now where there are none.
pub(super) fn kept(results: &Path) -> String {
    fs::read_to_string(results.join(FILE)).unwrap_or_else(|_| facts().to_string())
}

/// The machine, its system and its compiler, and the day.
fn facts() -> Table {
    let said = |program: &str, arguments: &[&str]| {
        output(Command::new(program).args(arguments).current_dir(root()))
            .unwrap_or_else(|_| "unknown".to_owned())
    };
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let facts = [
        ("Date", said("date", &["-u", "+%Y-%m-%d"])),
        ("Processor", processor()),
        ("Cores", cores.to_string()),
        ("Kernel", said("uname", &["-sr"])),
        ("Compiler", said("rustc", &["--version"])),
    ];
    let mut table = Table::new(["", ""], 2);
    for (name, value) in facts {
        table.row([name.to_owned(), value]);
    }
    table
}

fn processor() -> String {
    let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = about
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model
        .map_or("unknown", |(_, model)| model.trim())
        .to_owned()
}
