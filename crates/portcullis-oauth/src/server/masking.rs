//! Masks in a server's text whatever was sent to that server.

use std::collections::HashSet;

use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use portcullis_core::Secret;
use zeroize::Zeroizing;

/// What was sent and must not come back in a message: secrets, assertions, proofs and tokens.
pub(super) struct Sent(Vec<Secret>);

/// One way in which a server may repeat a secret. Escapes and ASCII case are ignored where it is looked for.
struct Form {
    bytes: Secret,
    /// Mask the Base64 characters around it too: some of them hold bits of the secret.
    is_base64: bool,
}

const MASK: &str = "[redacted]";

/// At most this many characters of a text are shown.
pub(super) const SHOWN: usize = 500;

/// The most steps that masking one text may take. Both the text and the secret, such as a token that is revoked, may come
/// from a hostile server. An honest answer takes far fewer.
const MOST_STEPS: usize = 250_000;

/// A secret shorter than this may be part of a word by chance. The rest of the word would then give it away, so the whole
/// text is masked.
const SHORT: usize = 8;

/// The shortest part of a Base64 text that is looked for.
const SHORTEST_PART: usize = 6;

impl Sent {
    pub(super) fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        Self(secrets.into_iter().collect())
    }

    /// Masks each form of a secret in the beginning of `text`, of which [`SHOWN`] characters may be shown. Masks everything
    /// if that takes more than [`MOST_STEPS`].
    pub(super) fn mask(&self, text: &str) -> String {
        let forms: Vec<Form> = self.0.iter().flat_map(forms).collect();
        let mut masked: Vec<u8> = Vec::new();
        let mut rest = text.as_bytes();
        let mut steps = MOST_STEPS;
        // A character has at most 4 bytes.
        while let Some(&first) = rest.first()
            && masked.len() <= 4 * SHOWN
        {
            // The longest match, since the others may leave a part of the secret.
            let found = forms
                .iter()
                .filter_map(|form| Some((form, form.match_length(rest, &mut steps)?)))
                .max_by_key(|(_, length)| *length);
            if steps == 0 {
                return MASK.to_owned();
            }
            let Some((form, length)) = found else {
                masked.push(first);
                rest = &rest[1..];
                continue;
            };
            if form.bytes.expose().len() < SHORT {
                return MASK.to_owned();
            }
            rest = &rest[length..];
            if form.is_base64 {
                while masked.last().is_some_and(|&byte| is_base64(byte)) {
                    masked.pop();
                }
                let run = rest.iter().position(|&byte| !is_base64(byte));
                rest = &rest[run.unwrap_or(rest.len())..];
            }
            masked.extend_from_slice(MASK.as_bytes());
        }
        String::from_utf8_lossy(&masked).into_owned()
    }
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte)
}

fn forms(secret: &Secret) -> Vec<Form> {
    let bytes = secret.expose();
    if bytes.is_empty() {
        return Vec::new();
    }
    let form = |mut text: Vec<u8>, is_base64| {
        text.make_ascii_lowercase();
        let bytes = Secret::new(text);
        Form { bytes, is_base64 }
    };
    let mut forms = vec![form(bytes.to_vec(), false)];
    if let Some(text) = secret.expose_str().filter(|text| !text.is_ascii()) {
        forms.push(form(text.to_lowercase().into_bytes(), false));
        forms.push(form(text.to_uppercase().into_bytes(), false));
    }
    let mut hex = Vec::with_capacity(2 * bytes.len());
    for byte in bytes {
        let digits = [byte >> 4, byte & 0xf];
        hex.extend(digits.map(|digit| b"0123456789abcdef"[usize::from(digit)]));
    }
    forms.push(form(hex, false));
    for engine in [&BASE64_STANDARD_NO_PAD, &BASE64_URL_SAFE_NO_PAD] {
        forms.push(form(engine.encode(bytes).into_bytes(), true));
        // Inside a longer Base64 text: the characters that depend on the secret alone, for each position in a group.
        for before in 0..3 {
            let mut shifted = Zeroizing::new(Vec::with_capacity(before + bytes.len()));
            shifted.resize(before, 0);
            shifted.extend_from_slice(bytes);
            let encoded = Zeroizing::new(engine.encode(&*shifted));
            let start = (before * 8).div_ceil(6);
            let end = shifted.len() * 8 / 6;
            let part = encoded.as_bytes().get(start..end).unwrap_or_default();
            if part.len() >= SHORTEST_PART {
                forms.push(form(part.to_vec(), true));
            }
        }
    }
    forms
}

impl Form {
    /// How many bytes at the beginning of `text` are this form, with any character escaped or in the other case. Where the
    /// text was cut, at least [`SHORT`] bytes of the form are enough. `None` also when no `steps` are left.
    fn match_length(&self, text: &[u8], steps: &mut usize) -> Option<usize> {
        let form = self.bytes.expose();
        *steps = steps.saturating_sub(1);
        if !units(text).any(|unit| form.starts_with(unit.bytes())) {
            return None;
        }
        let mut open = vec![(0, 0)];
        let mut seen = HashSet::new();
        let mut until_cut = None;
        while let Some((at, matched)) = open.pop() {
            *steps = steps.checked_sub(1)?;
            if matched == form.len() {
                return Some(at);
            }
            let rest = &text[at..];
            if matched >= SHORT && is_cut(rest) {
                until_cut = until_cut.max(Some(at));
            }
            for unit in units(rest) {
                let is_line_break = matched > 0 && matches!(unit.bytes(), b"\r" | b"\n");
                let length = match form[matched..].starts_with(unit.bytes()) {
                    true => unit.bytes().len(),
                    false if self.is_base64 && is_line_break => 0,
                    false => continue,
                };
                let next = (at + unit.length, matched + length);
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        until_cut
    }
}

/// Whether a server may have cut a text before `rest`.
fn is_cut(rest: &[u8]) -> bool {
    rest.is_empty() || rest.starts_with(b"...") || rest.starts_with("…".as_bytes())
}

/// One character as it may be meant, and how many bytes of the text it takes.
struct Unit {
    utf8: [u8; 4],
    utf8_length: usize,
    length: usize,
}

impl Unit {
    fn byte(byte: u8, length: usize) -> Self {
        Self {
            utf8: [byte.to_ascii_lowercase(), 0, 0, 0],
            utf8_length: 1,
            length,
        }
    }

    fn character(character: char, length: usize) -> Self {
        let mut utf8 = [0; 4];
        let utf8_length = character.to_ascii_lowercase().encode_utf8(&mut utf8).len();
        Self {
            utf8,
            utf8_length,
            length,
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.utf8[..self.utf8_length]
    }
}

/// What the text may begin with: the byte as it stands, or what it escapes, once or twice.
fn units(text: &[u8]) -> impl Iterator<Item = Unit> {
    const ESCAPES: [&[u8]; 6] = [b"+", b"%", b"%25", b"&", b"&amp;", b"\\"];

    let literal = text.first().map(|&byte| Unit::byte(byte, 1));
    let escaped = ESCAPES.iter().filter_map(|start| escaped(text, start));
    literal.into_iter().chain(escaped)
}

/// What `text` escapes, if it begins with `start`.
fn escaped(text: &[u8], start: &[u8]) -> Option<Unit> {
    let rest = text.strip_prefix(start)?;
    let unit = match start[0] {
        b'+' => Unit::byte(b' ', 0),
        b'%' => Unit::byte(hex(rest, 2)? as u8, 2),
        b'&' => html(rest)?,
        _ => backslash(rest)?,
    };
    Some(Unit {
        length: start.len() + unit.length,
        ..unit
    })
}

/// The number in the first `digits` hexadecimal digits.
fn hex(text: &[u8], digits: usize) -> Option<u32> {
    let text = text.get(..digits)?;
    let is_hex = text.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(text).ok().filter(|_| is_hex)?;
    u32::from_str_radix(text, 16).ok()
}

/// A character reference of HTML, behind its `&`.
fn html(text: &[u8]) -> Option<Unit> {
    const LONGEST: usize = 10;

    let end = text.iter().take(LONGEST).position(|&byte| byte == b';')?;
    let name = std::str::from_utf8(&text[..end]).ok()?;
    let character = match name.strip_prefix('#') {
        Some(number) => {
            let value = match number.strip_prefix(['x', 'X']) {
                Some(number) => u32::from_str_radix(number, 16),
                None => number.parse(),
            };
            char::from_u32(value.ok()?)?
        }
        None => match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => return None,
        },
    };
    Some(Unit::character(character, end + 1))
}

/// An escape of JSON (RFC 8259 §7), or a byte such as `\x2f`, behind its backslash.
fn backslash(text: &[u8]) -> Option<Unit> {
    let character = match text.first()? {
        b'u' => {
            let high = hex(&text[1..], 4)?;
            if let Some(character) = char::from_u32(high) {
                return Some(Unit::character(character, 5));
            }
            let low = hex(text.get(5..)?.strip_prefix(b"\\u")?, 4)?;
            let mut pair = char::decode_utf16([high as u16, low as u16]);
            return Some(Unit::character(pair.next()?.ok()?, 11));
        }
        b'x' => return Some(Unit::byte(hex(&text[1..], 2)? as u8, 3)),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        &other @ (b'"' | b'\\' | b'/' | b'\'') => other.into(),
        _ => return None,
    };
    Some(Unit::character(character, 1))
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};

    use super::*;

    const SECRET: &str = r#"p%ss w/ö&="<\rd😀"#;

    fn mask(secret: &str, text: &str) -> String {
        Sent::new([Secret::new(secret)]).mask(text)
    }

    #[test]
    fn a_secret_is_masked_however_it_is_escaped() {
        let json = serde_json::to_string(SECRET).expect("JSON");
        let json = json.trim_matches('"').to_owned();
        let ascii_json: String = SECRET
            .encode_utf16()
            .map(|unit| format!("\\u{unit:04X}"))
            .collect();
        let percent: String = SECRET.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let html_hex: String = SECRET
            .chars()
            .map(|character| format!("&#x{:X};", u32::from(character)))
            .collect();
        let html_decimal: String = SECRET
            .chars()
            .map(|character| format!("&#{};", u32::from(character)))
            .collect();
        for form in [
            SECRET.to_owned(),
            SECRET.to_uppercase(),
            SECRET.to_lowercase(),
            json,
            ascii_json,
            percent,
            form_urlencoded::byte_serialize(SECRET.as_bytes()).collect(),
            "p%25ss%20w%2F%C3%B6%26%3D%22%3C%5Crd%F0%9F%98%80".to_owned(),
            r#"p%ss w/ö&amp;=&quot;&lt;\rd😀"#.to_owned(),
            html_hex,
            html_decimal,
            BASE64_STANDARD.encode(SECRET),
            BASE64_URL_SAFE.encode(SECRET),
            BASE64_STANDARD.encode(format!("billing:{SECRET}")),
            BASE64_STANDARD.encode(format!("a:{SECRET}")),
            BASE64_STANDARD.encode(format!("ab:{SECRET}, really")),
        ] {
            let text = format!("the secret \"{form}\" is wrong");
            let masked = mask(SECRET, &text);
            assert_eq!(masked, "the secret \"[redacted]\" is wrong", "{form}");
        }
    }

    #[test]
    fn a_short_secret_masks_the_whole_text() {
        for text in ["hunter2 is wrong", "HUNTER2", "aHVudGVyMg==", "x%68unter2x"] {
            assert_eq!(mask("hunter2", text), MASK, "{text}");
        }
        assert_eq!(mask("hunter2", "hunter 2"), "hunter 2");
        assert_eq!(mask("", "nothing was sent"), "nothing was sent");
    }

    #[test]
    fn other_text_stays_as_it_is() {
        let text = "100% of &nothing; is \\wrong: Zürich+Köln & so %zz";
        assert_eq!(mask("s3cr3t-value", text), text);
    }

    #[test]
    fn ambiguous_escapes_do_not_slow_masking() {
        let secret = "\\".repeat(500);
        let masked = mask(&secret, &"\\".repeat(1_100));
        assert!(masked.starts_with(MASK), "{masked}");
    }

    #[test]
    fn text_that_takes_too_much_work_is_masked_as_a_whole() {
        let secret = format!("{}x", "ab".repeat(2_000));
        assert_eq!(mask(&secret, &"ab".repeat(15_000)), MASK);
        let secret = format!("{}x", "\\".repeat(500));
        assert_eq!(mask(&secret, &"\\".repeat(50_000)), MASK);
    }

    #[test]
    fn no_more_is_masked_than_is_shown() {
        let masked = mask("s3cr3t-value", &"é".repeat(100_000));
        assert!(masked.len() < 2_100, "{}", masked.len());
        let text = "s3cr3t-value ".repeat(20_000);
        let masked = mask("s3cr3t-value", &text);
        assert!(masked.len() < 2_100, "{}", masked.len());
        assert!(masked.chars().count() > SHOWN);
    }

    #[test]
    fn a_secret_that_is_escaped_twice_is_masked() {
        for form in [
            "p%2525ss%2520w%252F%25C3%25B6%2526%253D%2522%253C%255Crd%25F0%259F%2598%2580",
            "p%ss w/ö&amp;amp;=&amp;quot;&amp;lt;\\rd😀",
            "p%ss w/&amp;#246;&amp;=&amp;#x22;<\\rd&amp;#x1F600;",
        ] {
            let text = format!("the secret '{form}' is wrong");
            assert_eq!(
                mask(SECRET, &text),
                "the secret '[redacted]' is wrong",
                "{form}"
            );
        }
    }

    #[test]
    fn hexadecimal_forms_are_masked() {
        let escaped: String = SECRET
            .bytes()
            .map(|byte| format!("\\x{byte:02X}"))
            .collect();
        let hex: String = SECRET.bytes().map(|byte| format!("{byte:02X}")).collect();
        for form in [escaped, hex] {
            let text = format!("the secret '{form}' is wrong");
            assert_eq!(
                mask(SECRET, &text),
                "the secret '[redacted]' is wrong",
                "{form}"
            );
        }
    }

    #[test]
    fn base64_with_line_breaks_is_masked() {
        let encoded = BASE64_STANDARD.encode(format!("billing:{SECRET}"));
        let (start, end) = encoded.split_at(20);
        for line_break in ["\n", "\r\n", "\\n", "%0A", "&#10;"] {
            let text = format!("Basic {start}{line_break}{end} is wrong");
            assert_eq!(
                mask(SECRET, &text),
                "Basic [redacted] is wrong",
                "{line_break:?}"
            );
        }
    }

    #[test]
    fn the_beginning_of_a_secret_is_masked_where_the_text_was_cut() {
        let secret = "s3cr3t/value-of-the-client";
        let base64 = BASE64_STANDARD.encode(secret);
        for cut in ["s3cr3t/v", "S3CR3T%2Fvalue-of", &base64[..12]] {
            for end in ["", "...", "…", "... is wrong"] {
                let text = format!("the secret {cut}{end}");
                assert_eq!(
                    mask(secret, &text),
                    format!("the secret [redacted]{end}"),
                    "{cut}"
                );
            }
        }
        for other in ["s3cr3t/ is wrong", "s3cr3t/", "s3cr3t/v is wrong"] {
            assert_eq!(mask(secret, other), other);
        }
    }

    #[test]
    fn a_secret_that_is_no_text_is_found_by_its_bytes() {
        let secret = Sent::new([Secret::new(b"\xff\xfe secret \xc3".to_vec())]);
        assert_eq!(secret.mask("%FF%FE+secret+%C3 is"), "[redacted] is");
        assert_eq!(secret.mask("//4gc2VjcmV0IMM= is"), "[redacted] is");
    }
}
