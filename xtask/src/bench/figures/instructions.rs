//! Counts of instructions, as they are recorded.

use std::fs;

use crate::Failure;
use crate::bench::json::grouped;
use crate::bench::table::Table;
use crate::shell::root;

/// The record, and what it was made with.
///
/// # Errors
///
/// When it cannot be read.
pub(super) fn show() -> Result<String, Failure> {
    let record = root().join("bench/instructions/counts.tsv");
    let text =
        fs::read_to_string(&record).map_err(|error| format!("{}: {error}", record.display()))?;
    Ok(page(&text))
}

fn page(record: &str) -> String {
    let mut table = Table::new(["", "instructions"], 1);
    let mut made = Vec::new();
    for line in record.lines() {
        if let Some(fact) = line.strip_prefix("# ") {
            made.extend(
                fact.split_once(": ")
                    .map(|(name, value)| format!("{name} {value}")),
            );
        } else if let Some((name, count)) = line.split_once('\t') {
            let count = count
                .parse()
                .map_or_else(|_| count.to_owned(), |it| grouped(it, 0));
            table.row([name.to_owned(), count]);
        }
    }
    format!(
        "Of one call each, as callgrind counted them when they were recorded ({}). `floor` is a bare service; \
         `jwt_cold_less_raw` is a new token less the check of its signature.\n\n{table}",
        made.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_is_shown_with_what_it_was_made_with() {
        let page =
            page("# Counted.\n# rustc: 1.95.0\n# libc: glibc 2.36\njwt_cold es256\t754654\n");
        assert!(page.contains("(rustc 1.95.0, libc glibc 2.36)"), "{page}");
        assert!(page.contains("| jwt_cold es256 |      754,654 |"), "{page}");
    }
}
