//! Printing, safe for terminals and for readers that close the pipe early.

use std::{
    error::Error,
    fmt, fs,
    io::{self, Write},
    os::unix::fs::MetadataExt,
    process::ExitCode,
};

use portcullis_core::debug_as_report;
use rustix::fs::{OFlags, Stat, fcntl_getfl, fstat};
use serde_json::Value;

pub(crate) type Outcome = Result<ExitCode, Box<dyn Error>>;

/// Prints a line on stdout. A reader that closes the pipe, such as `head` or `grep -q`, is not a failure.
pub(crate) fn line(text: fmt::Arguments<'_>) -> io::Result<()> {
    self::text(format_args!("{text}\n"))
}

fn text(text: fmt::Arguments<'_>) -> io::Result<()> {
    match write!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Prints a JSON array item by item, so that a long one is not held in memory.
#[derive(Debug, Default)]
pub(crate) struct JsonArray {
    has_items: bool,
}

impl JsonArray {
    pub(crate) fn push(&mut self, item: &Value) -> io::Result<()> {
        let before = if self.has_items { ",\n" } else { "[\n" };
        self.has_items = true;
        let item = pretty(item).replace('\n', "\n  ");
        text(format_args!("{before}  {item}"))
    }

    pub(crate) fn end(self) -> io::Result<()> {
        line(format_args!(
            "{}",
            if self.has_items { "\n]" } else { "[]" }
        ))
    }
}

/// Fails if the program was started with stdout closed. Call this before creating a secret that is printed once.
pub(crate) fn require_stdout() -> Result<(), &'static str> {
    // The standard library opens `/dev/null` in place of a closed stdout before `main`, for reading and writing;
    // `>/dev/null` opens it only for writing.
    let stdout = io::stdout();
    let null = fs::metadata("/dev/null").map(|null| null.rdev()).ok();
    let opened = fcntl_getfl(&stdout).and_then(|flags| Ok((flags, fstat(&stdout)?)));
    let is_open = |(flags, opened): (OFlags, Stat)| {
        !flags.contains(OFlags::RDWR) || null != Some(opened.st_rdev)
    };
    match opened.is_ok_and(is_open) {
        true => Ok(()),
        false => Err(
            "nothing was created, because stdout is closed and the new key could not be printed: run it with stdout open",
        ),
    }
}

/// Prints a new secret, the only output on stdout. Unlike [`line()`], it fails if the reader has closed the pipe.
pub(crate) fn secret(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

/// Prints a line on stderr, and ignores failures, for which no other output is left.
pub(crate) fn note(text: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

pub(crate) fn error(error: &dyn Error) {
    struct Report<'e>(&'e dyn Error);

    impl fmt::Display for Report<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            debug_as_report(self.0, f)
        }
    }

    note(format_args!("error: {}", Report(error)));
}

/// Indented JSON, with control characters and non-ASCII characters escaped.
pub(crate) fn pretty(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | ' '..='~' => shown.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    shown.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        let shown = pretty(&serde_json::json!({ "a": "\u{1b}[31m\u{9b}\u{202e}😀" }));
        assert!(
            shown
                .bytes()
                .all(|byte| matches!(byte, b'\n' | b' '..=b'~')),
            "{shown}"
        );
        let back: Value = serde_json::from_str(&shown).expect("still JSON");
        assert_eq!(back["a"], "\u{1b}[31m\u{9b}\u{202e}😀");
    }
}
