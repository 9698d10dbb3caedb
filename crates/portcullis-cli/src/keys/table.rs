//! A table for people, cut to the width of the terminal.

use std::io::{IsTerminal, stdout};

use rustix::termios::tcgetwinsize;

/// A table of which pages are printed one after another.
pub(super) struct Table<const N: usize> {
    widths: [usize; N],
    longest_line: Option<usize>,
}

impl<const N: usize> Table<N> {
    /// Prints the head with the first page.
    pub(super) fn begin(head: [&str; N]) -> (Self, [String; N]) {
        let longest_line = stdout()
            .is_terminal()
            .then(|| tcgetwinsize(stdout()).ok())
            .flatten()
            .map(|size| usize::from(size.ws_col))
            .filter(|width| *width > 0);
        let table = Self {
            widths: [0; N],
            longest_line,
        };
        (table, head.map(str::to_owned))
    }

    /// The lines of a page. Columns get no narrower than on the pages before.
    pub(super) fn lines(&mut self, rows: &[[String; N]]) -> String {
        for (column, width) in self.widths.iter_mut().enumerate() {
            let cells = rows.iter().map(|row| row[column].chars().count());
            *width = cells.fold(*width, usize::max);
        }
        let lines: Vec<_> = rows.iter().map(|row| self.line(row)).collect();
        lines.join("\n")
    }

    fn line(&self, row: &[String; N]) -> String {
        let cells = row.iter().zip(self.widths);
        let line: String = cells
            .map(|(cell, width)| format!("{cell:width$}  "))
            .collect();
        cut(line.trim_end(), self.longest_line)
    }
}

fn cut(line: &str, longest: Option<usize>) -> String {
    match longest {
        Some(longest) if line.chars().count() > longest => {
            let kept: String = line.chars().take(longest - 1).collect();
            format!("{kept}…")
        }
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_aligned_and_cut() {
        let mut table = Table {
            widths: [0; 2],
            longest_line: Some(9),
        };
        let rows = [["ID", "SCOPES"], ["1", "orders:read"]].map(|row| row.map(str::to_owned));
        assert_eq!(table.lines(&rows), "ID  SCOP…\n1   orde…");
        let next = [["1234", ""].map(str::to_owned)];
        assert_eq!(table.lines(&next), "1234");
        assert_eq!(cut("exact", Some(5)), "exact");
        assert_eq!(cut("longer", None), "longer");
    }
}
