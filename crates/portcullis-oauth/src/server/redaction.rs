//! Removes secrets that were sent to a server from that server's text.

use std::{collections::HashSet, iter};

use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine as _};
use portcullis_core::Secret;

/// The secrets, assertions, proofs and tokens of one request.
#[derive(Debug)]
pub(super) struct Redactor(Vec<Secret>);

const REDACTED: &str = "[redacted]";

/// The maximum length of a shown text, in characters.
pub(super) const MAX_SHOWN: usize = 500;

/// A text in which escapes are nested this deep is redacted. The limit bounds the work on text of a hostile server.
const MAX_DECODINGS: usize = 8;

/// This many letters and digits in a row identify a part of a secret. Fewer may occur in a word by chance.
const MIN_PART: usize = 8;

impl Redactor {
    pub(super) fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        let mut secrets: Vec<_> = secrets.into_iter().collect();
        // Longest first: a secret may be part of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        Self(secrets)
    }

    /// Cuts `text` after 2000 characters and redacts each secret in it, in upper or lower case. If the text still contains a
    /// part of a secret (plain, escaped, in Base64 or hexadecimal) or a short secret, the whole text is redacted.
    pub(super) fn redact(&self, text: &str) -> String {
        // Bounds the work on text of a hostile server.
        let text: String = text.chars().take(4 * MAX_SHOWN).collect();
        let long = self.0.iter().filter_map(Secret::expose_str);
        let long = long.filter(|secret| secret.len() >= MIN_PART);
        let text = long.fold(text, |text, secret| replace(&text, secret));
        let forms = letter_forms(&text);
        if forms.len() > 2 * MAX_DECODINGS {
            return REDACTED.to_owned();
        }
        match self.0.iter().any(|secret| contain_secret(&forms, secret)) {
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

/// Whether one of the `forms` of a text shares `MIN_PART` letters in a row with an encoding of the secret.
fn contain_secret(forms: &[String], secret: &Secret) -> bool {
    const SHORTEST: usize = 3;

    let bytes = secret.expose();
    let hexadecimal = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    // A secret may itself contain escapes, of which a server decodes some.
    let needles = letter_forms(&String::from_utf8_lossy(bytes));
    // A secret with so few letters cannot be recognized in another form, so the whole text is redacted.
    if needles[0].len() < SHORTEST {
        return !bytes.is_empty();
    }
    let needles = needles.into_iter().filter(|it| it.len() >= SHORTEST);
    let mut needles = needles.chain(base64_parts(bytes)).chain([hexadecimal]);
    needles.any(|needle| {
        let length = needle.len().min(MIN_PART);
        let runs: HashSet<&[u8]> = needle.as_bytes().windows(length).collect();
        let mut texts = forms
            .iter()
            .flat_map(|text| text.as_bytes().windows(length));
        texts.any(|run| runs.contains(run))
    })
}

/// For each of the three alignments in Base64: the characters that only the secret determines.
fn base64_parts(secret: &[u8]) -> impl Iterator<Item = String> {
    const MIN_BASE64: usize = 6;

    let parts = (0..3).filter_map(|before| {
        let shifted = [&[0; 2][..before], secret].concat();
        let encoded = BASE64_STANDARD_NO_PAD.encode(&shifted);
        let part = encoded.get((before * 8).div_ceil(6)..shifted.len() * 8 / 6)?;
        Some(letters(part.chars()))
    });
    parts.filter(|part| part.len() >= MIN_BASE64)
}

/// The letters and digits of the text, as it is and with its escapes decoded until none is left, at most `MAX_DECODINGS` times.
/// Each decoding gives two forms. The second leaves out every letter before a non-ASCII character, which may be its accent (NFD).
fn letter_forms(text: &str) -> Vec<String> {
    let decoded = iter::successors(Some(text.to_ascii_lowercase()), |text| {
        let decoded = unescaped(text);
        (decoded != *text).then_some(decoded)
    });
    let forms = decoded.take(MAX_DECODINGS + 1).map(|text| {
        let next = text.chars().skip(1).chain([' ']);
        let pairs = text.chars().zip(next);
        let unaccented = pairs.filter(|(_, next)| next.is_ascii());
        [
            letters(text.chars()),
            letters(unaccented.map(|(letter, _)| letter)),
        ]
    });
    forms.flatten().collect()
}

/// The ASCII letters, in lower case, and digits: what remains however the rest is escaped or broken into lines.
fn letters(text: impl Iterator<Item = char>) -> String {
    let letters = text.filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Decodes the escapes of JSON, URLs, HTML and programming languages. Only those of ASCII become letters or digits.
fn unescaped(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let (character, length) = escape(rest).unwrap_or((character, character.len_utf8()));
        decoded.push(character);
        rest = &rest[length..];
    }
    decoded
}

/// Beginning, radix and maximum number of digits of an escape.
const NUMERIC: [(&str, u32, usize); 8] = [
    ("%", 16, 2),
    ("=", 16, 2),
    ("\\x", 16, 2),
    ("\\u{", 16, 8),
    ("\\u", 16, 4),
    ("&#x", 16, 8),
    ("&#", 10, 8),
    ("\\", 8, 3),
];

/// The character that an escape at the beginning of `text` stands for, and the length of the escape.
fn escape(text: &str) -> Option<(char, usize)> {
    let with_semicolon = |length| length + usize::from(text[length..].starts_with(';'));
    for (beginning, radix, most) in NUMERIC {
        let Some(rest) = text.strip_prefix(beginning) else {
            continue;
        };
        let digits = rest.chars().take(most);
        let digits = digits.take_while(|digit| digit.is_digit(radix)).count();
        let Ok(value) = u32::from_str_radix(&rest[..digits], radix) else {
            continue;
        };
        let character = char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER);
        return Some((character, with_semicolon(beginning.len() + digits)));
    }
    let name = text.strip_prefix('&')?;
    if name.starts_with("amp") {
        return Some(('&', with_semicolon(4)));
    }
    // No name stands for an ASCII letter or digit.
    let (name, _) = name.split_once(';')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then_some((' ', name.len() + 2))
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
            &bytes(|byte| format!("%252525{byte:02X}")),
            &bytes(|byte| format!("={byte:02X}")),
            &bytes(|byte| format!("\\{byte:03o}")),
            &each(|character| format!("\\u{{{:x}}}", u32::from(character))),
            &each(|character| format!("&#{}", u32::from(character))),
            &each(|character| format!("&#X{:08X}", u32::from(character))),
            "p&percnt;ss w&sol;&ouml;&AMP;&equals;&quot;&lt;&bsol;rd",
            "p%ss w/o\u{308}&=\"<\\rd",
            "p%s\u{200b}s w/\u{ad}ö&=\"<\\r\u{200b}d",
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
        assert_eq!(redact("hunter2", "hunter 3"), "hunter 3");
        assert_eq!(redact("~ñ~", "a word"), REDACTED);
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
        for cut in [
            "s3cr3t/va",
            "S3CR3T%2Fvalue-of",
            "3t/value-o",
            "...of-the-client",
        ] {
            for end in ["", "...", "…", "***", "]", "... is wrong"] {
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
        let text = format!("{}s3cr3t-value", "x".repeat(4 * MAX_SHOWN - MIN_PART - 1));
        assert_eq!(redact("s3cr3t-value", &text), REDACTED);
    }

    #[test]
    fn deeply_nested_escapes_are_redacted_without_decoding_them_all() {
        let nested = |depth: usize| format!("%{}", "25".repeat(depth));
        assert_eq!(redact("s3cr3t-value", &nested(7)), nested(7));
        for depth in [8, 999] {
            assert_eq!(redact("s3cr3t-value", &nested(depth)), REDACTED);
        }
        assert_eq!(letter_forms(&nested(999)).len(), 2 * (MAX_DECODINGS + 1));
    }

    #[test]
    fn secret_that_is_not_text_is_found() {
        let secret = Redactor::new([Secret::new(b"\xff\xfe secret \xc3".to_vec())]);
        assert_eq!(secret.redact("%FF%FE+secret+%C3 is wrong"), REDACTED);
        assert_eq!(secret.redact("//4gc2VjcmV0IMM= is wrong"), REDACTED);
    }
}
