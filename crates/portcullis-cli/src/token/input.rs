//! The token on standard input.

use std::io::{self, Read, stdin};

use portcullis_core::Secret;

use crate::misuse::Refuse;

/// For a token that is given as an argument.
pub(super) const MISPLACED: Refuse = Refuse(
    "the token belongs on standard input: an argument is seen by every user of this machine",
);

/// The longest input that is read; a token is at most 8 KiB.
const LONGEST_INPUT: u64 = 64 * 1024;

/// What is on standard input.
pub(super) struct Input(Secret);

impl Input {
    pub(super) fn read() -> io::Result<Self> {
        let mut bytes = Vec::new();
        stdin().take(LONGEST_INPUT + 1).read_to_end(&mut bytes)?;
        let input = Secret::new(bytes);
        if input.expose().len() as u64 > LONGEST_INPUT {
            return Err(io::Error::other(
                "what is on standard input is too long for a token",
            ));
        }
        if input.expose_str().is_none() {
            return Err(io::Error::other("what is on standard input is no text"));
        }
        Ok(Self(input))
    }

    /// Without white space around it, and without the scheme of a header.
    pub(super) fn token(&self) -> &str {
        let token = self.0.expose_str().unwrap_or_default().trim_start();
        token.strip_prefix("Bearer ").unwrap_or(token).trim()
    }
}
