//! Reads lines of limited length.

use std::io::{self, BufRead, Read};

use zeroize::{Zeroize, Zeroizing};

/// Lines of a stream, each with its number. The buffer is zeroed after use, since a line may have a key.
pub(super) struct Lines<R> {
    reader: R,
    buffer: Zeroizing<Vec<u8>>,
    number: u64,
}

/// The longest line is far longer than a record.
const MAX_LINE: u64 = 64 * 1024;

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: Zeroizing::default(),
            number: 0,
        }
    }

    /// The next line, its number from 1, and its length in bytes.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, u64, &[u8])>> {
        self.buffer.zeroize();
        self.number += 1;
        let mut limited = (&mut self.reader).take(MAX_LINE + 1);
        let read = limited.read_until(b'\n', &mut self.buffer)? as u64;
        match read {
            0 => Ok(None),
            read if read > MAX_LINE => Err(io::Error::other(format!(
                "line {} has more than {MAX_LINE} bytes: write the record of one key on a line",
                self.number
            ))),
            read => Ok(Some((self.number, read, self.buffer.trim_ascii()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_line_is_rejected() {
        let text = format!("one\n\n{}\n", "x".repeat(MAX_LINE as usize));
        let mut lines = Lines::new(text.as_bytes());
        assert_eq!(lines.next().expect("readable"), Some((1, 4, &b"one"[..])));
        assert_eq!(lines.next().expect("readable"), Some((2, 1, &b""[..])));
        let error = lines.next().expect_err("too long");
        assert!(error.to_string().starts_with("line 3 "), "{error}");
    }
}
