//! What becomes of a request's cost as things become many.

use serde_json::Value;

use crate::Failure;
use crate::bench::json::{grouped, list, number, text};
use crate::bench::table::Table;

/// A table for each thing that grows, and one for threads.
pub(super) fn show(figures: &Value) -> Result<String, Failure> {
    let mut page = String::from("Nanoseconds a request over the bare service, through tower.\n");
    for growth in list(figures, "growth")? {
        let points = list(growth, "points")?;
        let table = sizes(points);
        page += &format!("\n{}:\n\n{table}", text(growth, "title"));
    }
    let threads = &figures["threads"];
    let mut table = Table::new(["", "1 thread", "2 threads", "gain", "gain / bare's"], 1);
    for case in list(threads, "cases")? {
        let millions = |key: &str| {
            let rate = case[key].as_f64().map(|rate| grouped(rate / 1e6, 3));
            rate.unwrap_or_else(|| "–".to_owned())
        };
        table.row([
            text(case, "case").to_owned(),
            millions("one_thread_per_second"),
            millions("two_threads_per_second"),
            number(case, "gain", 2),
            number(case, "gain_relative_to_bare", 3),
        ]);
    }
    let pinned = if threads["pinned"] == true {
        "each on a core of its own"
    } else {
        "which the system did not let be kept on cores"
    };
    page += &format!(
        "\nThreads, {pinned}, through clones of one service; millions of requests a second:\n\n{table}"
    );
    Ok(page)
}

fn sizes(points: &[Value]) -> Table {
    let mut sizes: Vec<u64> = points.iter().filter_map(|it| it["size"].as_u64()).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let headings: Vec<String> = sizes.iter().map(|size| grouped(*size as f64, 0)).collect();
    let headings = headings.iter().map(String::as_str);
    let mut table = Table::new([""].into_iter().chain(headings), 1);
    let mut cases: Vec<&str> = Vec::new();
    for point in points {
        let case = text(point, "case");
        if !cases.contains(&case) {
            cases.push(case);
        }
    }
    for case in cases {
        let cells = sizes.iter().map(|size| {
            let mut points = points.iter();
            let point = points.find(|it| text(it, "case") == case && it["size"] == *size);
            point.map_or_else(
                || "–".to_owned(),
                |it| number(it, "nanoseconds_over_bare", 0),
            )
        });
        table.row([case.to_owned()].into_iter().chain(cells));
    }
    table
}

/// What keys take while they are kept.
pub(super) fn memory(figures: &Value) -> Result<String, Failure> {
    let mut table = Table::new(
        ["keys", "bytes allocated", "in blocks", "bytes resident"],
        0,
    );
    for row in list(figures, "memory")? {
        table.row([
            number(row, "keys", 0),
            number(row, "allocated_bytes_per_key", 0),
            number(row, "allocated_blocks_per_key", 1),
            number(row, "resident_bytes_per_key", 0),
        ]);
    }
    let more = number(figures, "bytes_more_per_used_key", 0);
    Ok(format!(
        "For each key of a store in memory, with an owner of 23 bytes and scopes of 38. A key that was used once takes \
         {more} bytes more.\n\n{table}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sizes_are_columns() {
        let point = |case: &str, size: u64, ns: f64| json!({ "case": case, "size": size, "nanoseconds_over_bare": ns });
        let points = [
            point("hot", 1_000, 2.0),
            point("hot", 10, 1.0),
            point("all", 1_000, 3.0),
        ];
        let text = sizes(&points).to_string();
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows[0], "|     |  10 | 1,000 |");
        assert_eq!(rows[2], "| hot |   1 |     2 |");
        assert_eq!(rows[3], "| all |   – |     3 |");
    }
}
