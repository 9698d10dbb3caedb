//! The token on standard input.

use std::io::{self, stdin};

use portcullis_core::Secret;

use crate::misuse::Refuse;

/// Rejects a token that is given as an argument.
pub(super) const MISPLACED: Refuse =
    Refuse("every user of this machine can see an argument: give the token on standard input");

/// Reads the token, without white space around it and without the scheme of a header.
pub(super) fn read() -> io::Result<Secret> {
    /// A token has at most 8 KiB by default.
    const MAX_BYTES: u64 = 64 * 1024;

    let failed = |problem: &str| io::Error::other(format!("standard input: {problem}"));
    let input = portcullis_file::read_bounded(stdin(), MAX_BYTES)
        .map_err(|error| failed(&error.to_string()))?;
    let token = input.trim_ascii_start();
    let token = token.strip_prefix(b"Bearer ").unwrap_or(token).trim_ascii();
    if token.is_empty() {
        return Err(failed("it has no token: pipe one in, or use `< FILE`"));
    }
    if std::str::from_utf8(token).is_err() {
        return Err(failed("it is not text"));
    }
    Ok(Secret::new(token))
}
