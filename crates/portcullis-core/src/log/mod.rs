//! Text that a caller or an issuer controls, made safe for logs and errors.

mod mask;
mod url;

pub(crate) use mask::{mask, percent_octet};
pub use url::{escape_url, has_secret_part};

/// Makes text that a caller controls safe for a log line: masks credentials, escapes control characters, double quotes,
/// backslashes and non-ASCII, and cuts after 64 characters.
///
/// JWTs and the secrets of Portcullis API keys are replaced by `[masked]`, also if they are percent-encoded. The prefix and the
/// id of an API key (`acme_4fXq0ZbT9kLm_…`) stay, so that an operator can revoke the key. Other opaque credentials stay, since
/// they look like ids.
pub fn escape(text: &str) -> String {
    escape_to(text, 64)
}

/// As [`escape`], but cuts after `longest` characters.
pub fn escape_to(text: &str, longest: usize) -> String {
    // Masks more text than is shown, since masking shortens it.
    let end = text.char_indices().nth(longest.saturating_add(1024));
    let masked = end.map_or_else(|| mask(text, false), |(end, _)| mask(&text[..end], true));
    let mut escaped = escape_with(char::escape_default, &masked, longest);
    if end.is_some() && !escaped.ends_with('…') {
        escaped.push('…');
    }
    escaped
}

/// Escapes all characters except `'` with the function `escape`, and cuts after `longest` characters. It masks nothing.
pub fn escape_with<E: Iterator<Item = char>>(
    escape: fn(char) -> E,
    text: &str,
    longest: usize,
) -> String {
    let mut escaped = String::new();
    for (index, character) in text.chars().enumerate() {
        match character {
            _ if index == longest => return escaped + "…",
            '\'' => escaped.push(character),
            _ => escaped.extend(escape(character)),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caller_controlled_text_is_escaped_and_cut() {
        assert_eq!(escape("\u{1b}[31m\u{202e}"), r"\u{1b}[31m\u{202e}");
        assert_eq!(escape("the client's\r\n"), r"the client's\r\n");
        assert_eq!(escape(&"x".repeat(65)).chars().count(), 65);
        assert_eq!(escape(&"x".repeat(64)).chars().count(), 64);
        assert_eq!(escape_to(&"x".repeat(600), 512).chars().count(), 513);
        assert_eq!(
            escape(&"ü".repeat(30_000))
                .chars()
                .filter(|c| *c == '…')
                .count(),
            1
        );
    }
}
