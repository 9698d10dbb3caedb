//! Removes what was sent to a server from that server's text.

use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use percent_encoding::percent_decode_str;
use portcullis_core::Secret;

/// The secrets, assertions, proofs and tokens of one request.
pub(super) struct Redactor(Vec<Secret>);

const REDACTED: &str = "[redacted]";

/// The maximum length of a shown text, in characters.
pub(super) const MAX_SHOWN: usize = 500;

/// A shorter secret may be part of a word by chance, and the rest of the word would then reveal it. So few characters of
/// a longer secret do not identify it where a text was truncated.
const SHORT: usize = 8;

impl Redactor {
    pub(super) fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        let mut secrets: Vec<_> = secrets.into_iter().collect();
        // One may be part of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        Self(secrets)
    }

    /// Redacts each secret in the beginning of `text`, whatever its case. If a secret is present in another form
    /// (percent-, HTML- or JSON-escaped up to twice, in Base64 or hexadecimal, truncated) or is short, all of the text is
    /// redacted.
    pub(super) fn redact(&self, text: &str) -> String {
        // Bounds the work on text of a hostile server. A secret at the end of this counts as truncated.
        let text: String = text.chars().take(4 * MAX_SHOWN).collect();
        let long = self.0.iter().filter_map(Secret::expose_str);
        let long = long.filter(|secret| secret.len() >= SHORT);
        let text = long.fold(text, |text, secret| replace(&text, secret));
        let mut forms = Vec::from(escape_levels(&text));
        // Base64 may be broken into lines.
        forms.push(forms[0].replace(['\r', '\n'], ""));
        match self.0.iter().any(|secret| is_in(&forms, secret)) {
            true => REDACTED.to_owned(),
            false => text,
        }
    }
}

/// Replaces `secret`, ignoring ASCII case.
fn replace(text: &str, secret: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut replaced = String::new();
    let mut end = 0;
    for (at, found) in lower.match_indices(&secret.to_ascii_lowercase()) {
        replaced.push_str(&text[end..at]);
        replaced.push_str(REDACTED);
        end = at + found.len();
    }
    replaced + &text[end..]
}

fn is_in(forms: &[String], secret: &Secret) -> bool {
    let bytes = secret.expose();
    if bytes.is_empty() {
        return false;
    }
    // A secret may itself contain escapes, of which a server escapes only some characters.
    let levels = escape_levels(&String::from_utf8_lossy(bytes));
    let mut needles: Vec<String> = levels.into_iter().chain(base64_parts(bytes)).collect();
    if bytes.len() >= SHORT {
        needles.push(bytes.iter().map(|byte| format!("{byte:02x}")).collect());
    }
    forms
        .iter()
        .any(|text| needles.iter().any(|needle| contains(text, needle)))
}

/// The Base64 characters that depend on the secret alone, at each position in a longer text.
fn base64_parts(secret: &[u8]) -> Vec<String> {
    const MIN_PART: usize = 6;

    let mut parts = Vec::new();
    for engine in [&BASE64_STANDARD_NO_PAD, &BASE64_URL_SAFE_NO_PAD] {
        for before in 0..3 {
            let shifted = [&[0; 2][..before], secret].concat();
            let encoded = engine.encode(&shifted).to_lowercase();
            let part = encoded.get((before * 8).div_ceil(6)..shifted.len() * 8 / 6);
            if let Some(part) = part.filter(|part| part.len() >= MIN_PART) {
                // Decoding the escapes of a text takes `+` for a space.
                parts.extend([part.to_owned(), part.replace('+', " ")]);
            }
        }
    }
    parts
}

/// Whether `text` contains `needle`, or its beginning where the text was truncated.
fn contains(text: &str, needle: &str) -> bool {
    let beginning = needle.char_indices().nth(SHORT);
    text.contains(needle)
        || beginning.is_some_and(|(end, _)| {
            text.match_indices(&needle[..end]).any(|(at, _)| {
                let rest = &text[at..];
                let same = rest.bytes().zip(needle.bytes());
                let same = same.take_while(|(found, expected)| found == expected);
                rest.get(same.count()..).is_some_and(is_truncation)
            })
        })
}

fn is_truncation(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with("...") || rest.starts_with('…')
}

/// The text in lower case, as it is and with its escapes decoded once and twice.
fn escape_levels(text: &str) -> [String; 3] {
    let plain = text.to_lowercase();
    let once = unescaped(&plain);
    let twice = unescaped(&once);
    [plain, once, twice]
}

fn unescaped(text: &str) -> String {
    // `\xHH` is a percent escape by another name, and `+` is a space in a form.
    let text = json_unescaped(text).replace("\\x", "%").replace('+', " ");
    let text = percent_decode_str(&text).decode_utf8_lossy();
    html_unescaped(&text).to_lowercase()
}

/// Decodes `\uXXXX`, and removes the backslash in front of quotes, slashes and backslashes (RFC 8259 §7).
fn json_unescaped(text: &str) -> String {
    let mut units = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(character) = chars.next() {
        let rest = chars.as_str();
        match rest.chars().next() {
            Some(escaped @ ('"' | '\'' | '/' | '\\')) if character == '\\' => {
                units.push(escaped as u16);
                chars.next();
            }
            Some('u') if character == '\\' => {
                let digits = rest.get(1..5);
                match digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()) {
                    Some(unit) => {
                        units.push(unit);
                        chars = rest[5..].chars();
                    }
                    None => units.push(character as u16),
                }
            }
            _ => units.extend(character.encode_utf16(&mut [0; 2]).iter()),
        }
    }
    String::from_utf16_lossy(&units)
}

/// Decodes the character references that escaping produces.
fn html_unescaped(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        decoded.push_str(before);
        let reference = after.split_once(';');
        match reference.and_then(|(name, rest)| Some((html_character(name)?, rest))) {
            Some((character, behind)) => {
                decoded.push(character);
                rest = behind;
            }
            None => {
                decoded.push('&');
                rest = after;
            }
        }
    }
    decoded + rest
}

fn html_character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let value = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(value.ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};

    use super::*;

    const SECRET: &str = r#"p%ss w/ö&="<\rd😀"#;

    fn redact(secret: &str, text: &str) -> String {
        Redactor::new([Secret::new(secret)]).redact(text)
    }

    #[test]
    fn secret_is_redacted_in_place_whatever_its_case() {
        for form in [
            SECRET,
            &SECRET.to_ascii_uppercase(),
            &SECRET.to_ascii_lowercase(),
        ] {
            let text = format!("the secret \"{form}\" is wrong, is it {form}?");
            let expected = "the secret \"[redacted]\" is wrong, is it [redacted]?";
            assert_eq!(redact(SECRET, &text), expected);
        }
        assert_eq!(redact(SECRET, &SECRET.to_uppercase()), REDACTED);
    }

    #[test]
    fn text_with_an_escaped_secret_is_redacted() {
        let json = serde_json::to_string(SECRET).expect("JSON");
        let each = |escape: fn(char) -> String| SECRET.chars().map(escape).collect::<String>();
        let bytes = |escape: fn(u8) -> String| SECRET.bytes().map(escape).collect::<String>();
        for form in [
            json.trim_matches('"'),
            &SECRET
                .encode_utf16()
                .map(|unit| format!("\\u{unit:04X}"))
                .collect::<String>(),
            &bytes(|byte| format!("%{byte:02x}")),
            &bytes(|byte| format!("\\x{byte:02X}")),
            &form_urlencoded::byte_serialize(SECRET.as_bytes()).collect::<String>(),
            "p%25ss%20w%2F%C3%B6%26%3D%22%3C%5Crd%F0%9F%98%80",
            "p%2525ss%2520w%252F%25C3%25B6%2526%253D%2522%253C%255Crd%25F0%259F%2598%2580",
            r#"p%ss w/ö&amp;=&quot;&lt;\rd😀"#,
            "p%ss w/ö&amp;amp;=&amp;quot;&amp;lt;\\rd😀",
            "p%ss w/&amp;#246;&amp;=&amp;#x22;<\\rd&amp;#x1F600;",
            &each(|character| format!("&#x{:X};", u32::from(character))),
            &each(|character| format!("&#{};", u32::from(character))),
            &BASE64_STANDARD.encode(SECRET),
            &BASE64_URL_SAFE.encode(SECRET),
            &BASE64_STANDARD.encode(format!("a:{SECRET}")),
            &BASE64_STANDARD.encode(format!("ab:{SECRET}, really")),
            &BASE64_STANDARD.encode(SECRET).replacen('d', "d\r\n", 1),
            &bytes(|byte| format!("{byte:02X}")),
        ] {
            let text = format!("the secret \"{form}\" is wrong");
            assert_eq!(redact(SECRET, &text), REDACTED, "{form}");
        }
        assert_eq!(redact("a%41+b/c~&d", "a%41+b%2Fc~&amp;d"), REDACTED);
    }

    #[test]
    fn base64_of_which_only_the_slash_is_escaped_is_redacted() {
        let secret = "~~?>>~ and ???~";
        let encoded = BASE64_STANDARD.encode(secret);
        assert!(encoded.contains('+') && encoded.contains('/'), "{encoded}");
        for slash in ["&#x2F;", "\\/", "%2F"] {
            let text = format!("bad value {}", encoded.replace('/', slash));
            assert_eq!(redact(secret, &text), REDACTED, "{text}");
        }
    }

    #[test]
    fn longest_secret_is_redacted_first() {
        let secrets = ["0123456789", "0123456789-abcdef"].map(Secret::new);
        let redacted = Redactor::new(secrets).redact("0123456789-abcdef, 0123456789");
        assert_eq!(redacted, "[redacted], [redacted]");
    }

    #[test]
    fn short_secret_redacts_the_whole_text() {
        for text in ["hunter2 is wrong", "HUNTER2", "aHVudGVyMg==", "x%68unter2x"] {
            assert_eq!(redact("hunter2", text), REDACTED, "{text}");
        }
        assert_eq!(redact("hunter2", "hunter 2"), "hunter 2");
        assert_eq!(redact("", "nothing was sent"), "nothing was sent");
    }

    #[test]
    fn other_text_is_unchanged() {
        let text = "100% of &nothing; is \\wrong: Zürich+Köln & so %zz";
        assert_eq!(redact("s3cr3t-value", text), text);
    }

    #[test]
    fn truncated_secret_is_redacted() {
        let secret = "s3cr3t/value-of-the-client";
        for cut in ["s3cr3t/v", "S3CR3T%2Fvalue-of"] {
            for end in ["", "...", "…", "... is wrong"] {
                let text = format!("the secret {cut}{end}");
                assert_eq!(redact(secret, &text), REDACTED, "{text}");
            }
        }
        for other in ["s3cr3t/ is wrong", "s3cr3t/", "s3cr3t/v is wrong"] {
            assert_eq!(redact(secret, other), other);
        }
    }

    #[test]
    fn long_text_is_cut_before_it_is_searched() {
        let redacted = redact("s3cr3t-value", &"é".repeat(100_000));
        assert_eq!(redacted.chars().count(), 4 * MAX_SHOWN);
        let text = format!("{}s3cr3t-value", "x".repeat(4 * MAX_SHOWN - SHORT));
        assert_eq!(redact("s3cr3t-value", &text), REDACTED);
    }

    #[test]
    fn secret_that_is_not_text_is_found() {
        let secret = Redactor::new([Secret::new(b"\xff\xfe secret \xc3".to_vec())]);
        assert_eq!(secret.redact("%FF%FE+secret+%C3 is wrong"), REDACTED);
        assert_eq!(secret.redact("//4gc2VjcmV0IMM= is wrong"), REDACTED);
    }
}
