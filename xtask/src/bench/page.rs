//! The page of figures: what was measured is put between two marks, and the prose around them stays.

use std::fs;
use std::path::Path;

use crate::Failure;

const BEGIN: &str = "<!-- figures -->";
const END: &str = "<!-- /figures -->";

/// Reads a page, and writes it with other figures, to the same place or to another.
///
/// # Errors
///
/// When the page is not there, or lacks a mark, or cannot be written.
pub(super) fn write(page: &Path, written: &Path, figures: &str) -> Result<(), Failure> {
    let text = fs::read_to_string(page).map_err(|error| format!("{}: {error}", page.display()))?;
    let text = replaced(&text, figures)
        .ok_or_else(|| format!("{}: it lacks {BEGIN} or {END}", page.display()))?;
    fs::write(written, text).map_err(|error| format!("{}: {error}", written.display()))
}

fn replaced(page: &str, figures: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!(
        "{before}{BEGIN}\n\n{}\n\n{END}{after}",
        figures.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let page = "before\n<!-- figures -->\nold\n<!-- /figures -->\nafter\n";
        let new = "before\n<!-- figures -->\n\nnew\n\n<!-- /figures -->\nafter\n";
        assert_eq!(replaced(page, "new\n").as_deref(), Some(new));
        assert_eq!(replaced(new, "new").as_deref(), Some(new));
    }

    #[test]
    fn a_page_without_marks_is_left_alone() {
        assert_eq!(replaced("<!-- figures -->", "new"), None);
        assert_eq!(replaced("<!-- /figures --><!-- figures -->", "new"), None);
    }
}
