//! Tables in Markdown.

use std::fmt;

use serde_json::Value;

use super::json::text;

/// No cell is filled up with more spaces than that: where some are sentences, others would be mostly spaces.
const WIDEST: usize = 32;

/// A table whose columns are as wide as what is in them, up to [`WIDEST`].
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    /// How many columns, from the left, are words; the others are numbers, and stand at the right.
    words: usize,
}

impl Table {
    /// One with these headings.
    pub(super) fn new<'a>(headings: impl IntoIterator<Item = &'a str>, words: usize) -> Self {
        let headings = headings.into_iter().map(str::to_owned).collect();
        Self {
            rows: vec![headings],
            words,
        }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells = cells.into_iter().map(|cell| cell.replace('|', "\\|"));
        self.rows.push(cells.collect());
    }

    /// What contenders did in several runs: a row for each contender and way, a column for each run, given by its name
    /// and its heading. `cell` says what stands there; a row without anything is not shown.
    pub(super) fn of_runs(
        figures: &[Value],
        runs: &[(String, String)],
        cell: impl Fn(&Value) -> Option<String>,
    ) -> Self {
        let headings = runs.iter().map(|(_, heading)| heading.as_str());
        let mut table = Self::new(["", "through"].into_iter().chain(headings), 2);
        for figure in figures {
            let Some(at) = runs.iter().position(|(run, _)| run == text(figure, "run")) else {
                continue;
            };
            let Some(cell) = cell(figure) else { continue };
            let (name, way) = (text(figure, "contender"), text(figure, "through"));
            let mut rows = table.rows.iter().skip(1);
            let row = rows.position(|row| row[0] == name && row[1] == way);
            let row = row.map_or(table.rows.len(), |row| row + 1);
            if row == table.rows.len() {
                let empty = runs.iter().map(|_| "–".to_owned());
                table.row([name.to_owned(), way.to_owned()].into_iter().chain(empty));
            }
            table.rows[row][2 + at] = cell;
        }
        table
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows[0].len();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
                .clamp(3, WIDEST)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (at, row) in self.rows.iter().enumerate() {
            for (column, cell) in row.iter().enumerate() {
                let width = widths[column];
                if column < self.words {
                    write!(f, "| {cell:width$} ")?;
                } else {
                    write!(f, "| {cell:>width$} ")?;
                }
            }
            writeln!(f, "|")?;
            if at == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let end = if column < self.words { '-' } else { ':' };
                    write!(f, "|{}{end}", "-".repeat(width + 1))?;
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_cells() {
        let mut table = Table::new(["", "ns"], 1);
        table.row(["a|b".to_owned(), "1,000".to_owned()]);
        let text = "|      |    ns |\n|------|------:|\n| a\\|b | 1,000 |\n";
        assert_eq!(table.to_string(), text);
    }

    #[test]
    fn runs_stand_side_by_side() {
        let figure = |run: &str, contender: &str, ns: u32| {
            serde_json::json!({
                "run": run, "contender": contender, "through": "axum", "ns": ns,
            })
        };
        let figures = [
            figure("hot", "one", 1),
            figure("cold", "one", 2),
            figure("cold", "two", 3),
            figure("another", "one", 4),
        ];
        let runs = ["hot", "cold"].map(|run| (run.to_owned(), run.to_owned()));
        let table = Table::of_runs(&figures, &runs, |row| Some(row["ns"].to_string()));
        assert_eq!(table.rows[1], ["one", "axum", "1", "2"]);
        assert_eq!(table.rows[2], ["two", "axum", "–", "3"]);
        assert_eq!(table.rows.len(), 3);
    }
}
