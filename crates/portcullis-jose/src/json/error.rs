//! The errors of reading JSON.

use std::fmt;

/// Why some bytes are not the JSON that was expected.
///
/// It contains a position, and nothing of the input.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Not UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
    /// Not JSON, or something follows the value.
    #[error("is not well-formed JSON at {0}")]
    Syntax(Position),
    /// An object names a member twice.
    #[error("names a member twice at {0}")]
    DuplicateMember(Position),
    /// An object has a member whose name `serde_json` reserves (`$serde_json::private::…`).
    #[error("has a member at {0} named `$serde_json::private::…`, which the JSON library reserves")]
    ReservedMember(Position),
    /// Arrays and objects are nested more than 16 levels deep.
    #[error("is nested more than 16 levels deep (a fixed limit) at {0}")]
    TooDeep(Position),
    /// JSON, but not of the shape that was expected.
    #[error("is, or holds, a value of a wrong type near {0}")]
    UnexpectedType(Position),
}

portcullis_core::debug_as_report!(JsonError);

/// A line, and a byte within it, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    line: usize,
    column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (1, 0) => f.write_str("its start"),
            (line, column) => write!(f, "byte {column} of line {line}"),
        }
    }
}

// Messages of errors, by which the kinds of `JsonError` are told apart.
pub(crate) const DUPLICATE: &str = "duplicate member";
pub(super) const RESERVED: &str = "reserved member";
pub(super) const TOO_DEEP: &str = "nested too deeply";

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        let at = Position {
            line: error.line(),
            column: error.column(),
        };
        if !error.is_data() {
            return Self::Syntax(at);
        }
        match error.to_string() {
            text if text.starts_with(DUPLICATE) => Self::DuplicateMember(at),
            text if text.starts_with(RESERVED) => Self::ReservedMember(at),
            text if text.starts_with(TOO_DEEP) => Self::TooDeep(at),
            _ => Self::UnexpectedType(at),
        }
    }
}
