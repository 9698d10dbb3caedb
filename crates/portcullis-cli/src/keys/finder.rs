//! Finds keys in a stream by their form and checksum.

use std::io::{self, ErrorKind, Read};

use portcullis_api_key::ApiKey;

/// The lengths of the parts of a key: `{prefix}_{id}_{secret}{checksum}`.
const LONGEST_PREFIX: usize = 32;
const ID: usize = 12;
const SECRET_AND_CHECKSUM: usize = 33;
/// From the underscore before the id.
const AFTER_PREFIX: usize = 1 + ID + 1 + SECRET_AND_CHECKSUM;

const BLOCK: usize = 256 * 1024;

/// A key in a stream.
pub(super) struct Found {
    pub(super) key: ApiKey,
    /// The line, counted from 1.
    pub(super) line: u64,
}

/// Reads a stream block by block, and finds keys also across the borders of blocks.
pub(super) struct Finder<R> {
    reader: R,
    buffer: Vec<u8>,
    /// Keys whose underscore is before this place of the buffer were found.
    searched: usize,
    /// The number of the line at that place.
    line: u64,
}

impl<R: Read> Finder<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: Vec::with_capacity(BLOCK + LONGEST_PREFIX + AFTER_PREFIX),
            searched: 0,
            line: 1,
        }
    }

    /// Reads on, and returns the number of bytes read and the keys found. 0 bytes mean the end.
    pub(super) fn read_block(&mut self) -> io::Result<(usize, Vec<Found>)> {
        let done = self.searched.saturating_sub(LONGEST_PREFIX);
        self.buffer.drain(..done);
        self.searched -= done;
        let length = self.buffer.len();
        self.buffer.resize(length + BLOCK, 0);
        let read = loop {
            match self.reader.read(&mut self.buffer[length..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.buffer
            .truncate(length + read.as_ref().map_or(0, |read| *read));
        Ok((read?, self.search()))
    }

    fn search(&mut self) -> Vec<Found> {
        let end = (self.buffer.len() + 1).saturating_sub(AFTER_PREFIX);
        let end = end.max(self.searched);
        let mut found = Vec::new();
        let mut counted = self.searched;
        for at in memchr::memchr_iter(b'_', &self.buffer[self.searched..end]) {
            let at = self.searched + at;
            if let Some(key) = key_at(&self.buffer, at) {
                self.line += count_lines(&self.buffer[counted..at]);
                counted = at;
                found.push(Found {
                    key,
                    line: self.line,
                });
            }
        }
        self.line += count_lines(&self.buffer[counted..end]);
        self.searched = end;
        found
    }
}

/// All keys in a text.
pub(super) fn keys_in(text: &[u8]) -> Vec<ApiKey> {
    let underscores = memchr::memchr_iter(b'_', text);
    underscores.filter_map(|at| key_at(text, at)).collect()
}

/// The key whose id follows the underscore at `at`.
fn key_at(text: &[u8], at: usize) -> Option<ApiKey> {
    let after = text.get(at..at + AFTER_PREFIX)?;
    let (id, secret) = (&after[1..=ID], &after[ID + 2..]);
    let is_shaped = after[ID + 1] == b'_'
        && id.iter().all(u8::is_ascii_alphanumeric)
        && secret.iter().all(u8::is_ascii_alphanumeric);
    if !is_shaped {
        return None;
    }
    let is_in_prefix = |byte: &&u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    let run = text[..at]
        .iter()
        .rev()
        .take(LONGEST_PREFIX)
        .take_while(is_in_prefix);
    let run = run.count();
    // The text before a key may look like a part of its prefix. The checksum tells where the prefix begins.
    (at - run..at).find_map(|start| {
        let candidate = std::str::from_utf8(&text[start..at + AFTER_PREFIX]).ok()?;
        ApiKey::parse(candidate).ok()
    })
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

#[cfg(test)]
mod tests {
    use portcullis_api_key::KeyPrefix;

    use super::*;

    /// Returns at most `step` bytes at a time.
    struct Slow<'t> {
        text: &'t [u8],
        step: usize,
    }

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.step.min(buffer.len());
            self.text.read(&mut buffer[..length])
        }
    }

    fn key(prefix: &str) -> ApiKey {
        ApiKey::generate(&KeyPrefix::new(prefix).expect("a prefix")).expect("random bytes")
    }

    fn find(text: &[u8], step: usize) -> Vec<(String, u64)> {
        let mut finder = Finder::new(Slow { text, step });
        let mut all = Vec::new();
        loop {
            let (read, found) = finder.read_block().expect("readable");
            all.extend(
                found
                    .iter()
                    .map(|found| (found.key.expose().to_owned(), found.line)),
            );
            if read == 0 {
                return all;
            }
        }
    }

    #[test]
    fn keys_are_found_across_borders_of_reads() {
        let (one, other) = (key("acme_live"), key(&"a".repeat(32)));
        let text = format!(
            "\n\nAPI_KEY={}\nid,{};{}",
            one.expose(),
            other.expose(),
            one.expose()
        );
        let expected = [(&one, 3), (&other, 4), (&one, 4)];
        let expected = expected.map(|(key, line)| (key.expose().to_owned(), line));
        for step in [1, 2, 7, 46, 47, 48, 1_000] {
            assert_eq!(find(text.as_bytes(), step), expected, "{step}");
        }
    }

    #[test]
    fn keys_are_found_across_borders_of_blocks_and_in_binary_data() {
        let key = key("acme");
        for shift in 0..120 {
            let mut data = vec![0xff; BLOCK - 100 + shift];
            data.extend_from_slice(key.expose().as_bytes());
            data.extend(vec![b'_'; BLOCK]);
            let found = find(&data, usize::MAX);
            assert_eq!(found, [(key.expose().to_owned(), 1)], "{shift}");
        }
    }

    #[test]
    fn text_before_a_key_is_not_taken_for_its_prefix() {
        let key = key("acme");
        for before in [
            "x",
            "x_",
            "export_",
            "0",
            "_",
            "a1_b2_c3_d4_e5_f6_g7_h8_i9_",
        ] {
            let text = format!("{before}{}tail", key.expose());
            assert_eq!(find(text.as_bytes(), 1_000).len(), 1, "{before}");
        }
    }

    #[test]
    fn mistyped_or_cut_keys_are_not_found() {
        let key = key("acme");
        let text = key.expose();
        let mistyped = match text.strip_suffix('0') {
            Some(start) => format!("{start}1"),
            None => format!("{}0", &text[..text.len() - 1]),
        };
        for text in [&mistyped, &text[..text.len() - 1], &text[5..], "", "_"] {
            assert_eq!(find(text.as_bytes(), 1_000), [], "{text}");
        }
    }
}
