//! Text that a caller controls, made fit for a log line.

use std::{borrow::Cow, ops::Range};

/// What stands in a log line in place of a credential.
const MASK: &str = "[masked]";

/// How many characters [`escape`] keeps.
const DEFAULT_LENGTH: usize = 64;

/// Makes text that a caller controls fit for a log line: credentials are masked (see [`mask`]), control characters,
/// quotation marks and non-ASCII escaped, and the rest cut after 64 characters.
///
/// ```
/// assert_eq!(portcullis_core::log::escape("a\r\nb"), r"a\r\nb");
/// assert_eq!(portcullis_core::log::escape("the client's"), "the client's");
/// assert_eq!(portcullis_core::log::escape("eyJhbGciOiJub25lIn0.e30."), "[masked]");
/// ```
#[must_use]
pub fn escape(text: &str) -> String {
    escape_to(text, DEFAULT_LENGTH)
}

/// As [`escape`], but cut after `longest` characters.
#[must_use]
pub fn escape_to(text: &str, longest: usize) -> String {
    // More than is shown, since a masked credential takes less room.
    let end = text.char_indices().nth(longest.saturating_add(1024));
    let looked_at = end.map_or(text, |(end, _)| &text[..end]);
    let masked = masked(looked_at, looked_at.len() < text.len());
    let mut characters = masked.chars();
    let mut escaped = String::new();
    for character in characters.by_ref().take(longest) {
        match character {
            '\'' => escaped.push(character),
            _ => escaped.extend(character.escape_default()),
        }
    }
    if characters.next().is_some() || looked_at.len() < text.len() {
        escaped.push('…');
    }
    escaped
}

/// Replaces whatever looks like an API key of this suite or a JWT by `[masked]`, also where some of it is
/// percent-encoded.
///
/// Of an API key (`acme_4fXq0ZbT9kLm_…`) the prefix and the id stay, so that an operator can revoke it. A JWT is masked
/// whole, and so is a JWT without its signature. Other opaque credentials cannot be told from ids, and stay.
///
/// ```
/// use portcullis_core::log::mask;
///
/// let path = "/files/acme_4fXq0ZbT9kLm_9Zr3mWq8TfL2xVb7Nc5Ky1Jd0Ph4aBcDeF";
/// assert_eq!(mask(path), "/files/acme_4fXq0ZbT9kLm_[masked]");
/// assert_eq!(mask("/files/eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJhIn0.c2ln/x"), "/files/[masked]/x");
/// ```
#[must_use]
pub fn mask(text: &str) -> Cow<'_, str> {
    masked(text, false)
}

/// `is_cut`: more text followed, so that a credential at the end may be incomplete.
fn masked(text: &str, is_cut: bool) -> Cow<'_, str> {
    // Shorter than the secret part of a key and than any JWT that `jwts` finds.
    if text.len() < SHORTEST_JWT && !is_cut {
        return Cow::Borrowed(text);
    }
    let mut octets = percent_decoded(text);
    // The cut may be within an escape.
    while is_cut
        && let Some(at) = octets
            .iter()
            .rev()
            .take(2)
            .position(|octet| octet.value == b'%')
    {
        octets.truncate(octets.len() - 1 - at);
    }
    let text = &text[..octets.last().map_or(0, |octet| octet.place.end)];
    let mut found = keys(&octets, is_cut);
    found.extend(jwts(&octets));
    // A credential that was folded into several lines.
    if octets.iter().any(|octet| octet.value.is_ascii_control()) {
        octets.retain(|octet| !octet.value.is_ascii_control());
        found.extend(keys(&octets, is_cut));
        found.extend(jwts(&octets));
    }
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    found.sort_unstable_by_key(|range| range.start);
    let mut masked = String::with_capacity(text.len());
    let mut shown_to = 0;
    for range in found {
        if range.start >= shown_to {
            masked.push_str(&text[shown_to..range.start]);
            masked.push_str(MASK);
        }
        shown_to = shown_to.max(range.end);
    }
    masked.push_str(&text[shown_to..]);
    Cow::Owned(masked)
}

/// An octet, and where in the text it stands.
struct Octet {
    value: u8,
    place: Range<usize>,
}

/// The octets of `text` with percent-encoding undone, however often it was applied.
fn percent_decoded(text: &str) -> Vec<Octet> {
    let mut octets: Vec<Octet> = Vec::with_capacity(text.len());
    for (at, value) in text.bytes().enumerate() {
        octets.push(Octet {
            value,
            place: at..at + 1,
        });
        // What was decoded may be the last digit of another escape.
        while let [.., first, high, low] = octets.as_slice()
            && first.value == b'%'
            && let Some(value) = unescaped(high.value, low.value)
        {
            let place = first.place.start..low.place.end;
            octets.truncate(octets.len() - 3);
            octets.push(Octet { value, place });
        }
    }
    octets
}

/// The octet that `%` and these two digits stand for.
pub(crate) fn unescaped(high: u8, low: u8) -> Option<u8> {
    let digit = |octet: u8| char::from(octet).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

/// The secret parts of API keys: after an id of 12 base62 digits and an underscore, or of just the length of secret and
/// checksum.
fn keys(octets: &[Octet], is_cut: bool) -> Vec<Range<usize>> {
    const ID: usize = 12;
    const SHORTEST_SECRET: usize = 20;
    const SECRET_AND_CHECKSUM: usize = 33;

    let mut found = Vec::new();
    let mut id_before = false;
    let mut at = 0;
    while at < octets.len() {
        let length = run(&octets[at..], |octet| octet.is_ascii_alphanumeric());
        let end = at + length;
        let after_underscore = at > 0 && octets[at - 1].value == b'_';
        let is_incomplete = is_cut && end == octets.len();
        let is_secret = (id_before && (length >= SHORTEST_SECRET || is_incomplete))
            || length == SECRET_AND_CHECKSUM;
        if length > 0 && after_underscore && is_secret {
            found.push(octets[at].place.start..octets[end - 1].place.end);
        }
        id_before = length == ID && octets.get(end).is_some_and(|octet| octet.value == b'_');
        at = end + 1;
    }
    found
}

/// A header such as `{"alg":"RS256"}` alone is longer.
const SHORTEST_JWT: usize = 16;

/// JWTs: base64url of a JSON object, which begins with `eyJ` nearly always and with `ey` or `ew` always, and the parts
/// that follow after dots.
fn jwts(octets: &[Octet]) -> Vec<Range<usize>> {
    let is_jwt = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.=".contains(&octet);
    let mut found = Vec::new();
    let mut at = 0;
    while at < octets.len() {
        let length = run(&octets[at..], is_jwt);
        let values: Vec<u8> = octets[at..at + length]
            .iter()
            .map(|octet| octet.value)
            .collect();
        if let Some(start) = jwt_within(&values) {
            found.push(octets[at + start].place.start..octets[at + length - 1].place.end);
        }
        at += length + 1;
    }
    found
}

/// Where in a run of base64url and dots a JWT begins.
fn jwt_within(run: &[u8]) -> Option<usize> {
    let of_object = |part: &[u8]| part.starts_with(b"ey") || part.starts_with(b"ew");
    let last_start = run.len().checked_sub(SHORTEST_JWT)?;
    (0..=last_start).find(|&at| {
        let rest = &run[at..];
        let begins_part = at == 0 || run[at - 1] == b'.';
        let next_part = || {
            let dot = rest.iter().position(|octet| *octet == b'.')?;
            rest.get(dot + 1..)
        };
        rest.starts_with(b"eyJ")
            || (begins_part && of_object(rest) && next_part().is_some_and(of_object))
    })
}

fn run(octets: &[Octet], is_member: impl Fn(u8) -> bool) -> usize {
    octets
        .iter()
        .take_while(|octet| is_member(octet.value))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "9Zr3mWq8TfL2xVb7Nc5Ky1Jd0PhaBcDeF";
    const JWT: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2EifQ.c2lnbmF0dXJl_-";

    fn key() -> String {
        format!("acme_live_4fXq0ZbT9kLm_{SECRET}")
    }

    #[test]
    fn caller_controlled_text_is_escaped_and_cut() {
        assert_eq!(escape("\u{1b}[31m\u{202e}"), r"\u{1b}[31m\u{202e}");
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

    #[test]
    fn api_key_keeps_its_id_only() {
        let shown = "acme_live_4fXq0ZbT9kLm_[masked]";
        assert_eq!(mask(&key()), shown);
        assert_eq!(mask(&format!("/a/{}/b", key())), format!("/a/{shown}/b"));
        assert_eq!(mask(&format!("x-{}", key())), format!("x-{shown}"));
        // Mistyped, cut short, or in another case.
        for text in [&key()[..50], &format!("{}0", key()), &key().to_lowercase()] {
            assert!(
                mask(text).ends_with("9kLm_[masked]") || mask(text).ends_with("9klm_[masked]"),
                "{text}"
            );
        }
        assert_eq!(mask(&format!("_{SECRET}")), "_[masked]", "without the id");
    }

    #[test]
    fn jwt_is_masked_wherever_it_stands() {
        for text in [
            JWT.to_owned(),
            format!("token-{JWT}"),
            format!("access_token.{JWT}"),
            JWT[..40].to_owned(),
            "ewogImFsZyI6ICJIUzI1NiJ9.ewogfQ.c2ln".to_owned(),
        ] {
            let masked = mask(&format!("/x/{text}/y")).into_owned();
            assert!(masked.ends_with("[masked]/y"), "{masked}");
            assert!(!masked.contains("ey") && !masked.contains("ew"), "{masked}");
        }
    }

    #[test]
    fn percent_encoding_hides_nothing() {
        let encode_all =
            |text: &str| -> String { text.bytes().map(|octet| format!("%{octet:02x}")).collect() };
        let twice = |text: &str| encode_all(text).replace('%', "%25");
        for credential in [key(), JWT.to_owned()] {
            for text in [
                encode_all(&credential),
                twice(&credential),
                credential.replace('_', "%5F").replace('.', "%2E"),
                credential.replace('e', "%65").replace('4', "%34"),
            ] {
                let masked = mask(&text).into_owned();
                assert!(masked.ends_with("[masked]"), "{text} → {masked}");
                assert!(masked.len() < 12 + text.len() / 2, "{text} → {masked}");
            }
        }
        assert_eq!(mask("/%7Ename/100%/%zz/%"), "/%7Ename/100%/%zz/%");
    }

    #[test]
    fn any_depth_of_percent_encoding_is_undone() {
        let mut text: String = key().bytes().map(|octet| format!("%{octet:02x}")).collect();
        for depth in 1..8 {
            let masked = mask(&text);
            assert!(masked.ends_with("[masked]"), "{depth}: {masked}");
            text = text.replace('%', "%25");
        }
        // The digits of an escape may be escaped themselves.
        assert!(mask(&key().replace('9', "%%33%39")).ends_with("[masked]"));
    }

    #[test]
    fn control_characters_do_not_split_a_credential() {
        for between in ["\n", "%0A", "%0d%0a", "%250A", "%00", "\t"] {
            for at in 1..SECRET.len() {
                let (start, end) = SECRET.split_at(at);
                let text = format!("acme_4fXq0ZbT9kLm_{start}{between}{end}");
                assert_eq!(mask(&text), "acme_4fXq0ZbT9kLm_[masked]", "{text}");
            }
            let (start, end) = JWT.split_at(30);
            assert_eq!(mask(&format!("{start}{between}{end}")), "[masked]");
            // Nor hide one that begins after them.
            let text = format!("id{between}4fXq0ZbT9kLm_{}", &SECRET[..25]);
            assert!(mask(&text).ends_with("9kLm_[masked]"), "{text}");
        }
    }

    #[test]
    fn cut_within_an_escape_shows_no_part_of_a_key() {
        let encoded = |percent: &str| -> String {
            let octets = SECRET.bytes();
            octets
                .map(|octet| format!("{percent}{octet:02x}"))
                .collect()
        };
        for secret in [encoded("%"), encoded("%25"), encoded("%2525")] {
            for length in 900..1_100 {
                let before = format!("{JWT}{}", "A".repeat(length));
                let shown = escape(&format!("{before} acme_4fXq0ZbT9kLm_{secret}"));
                if let Some((_, rest)) = shown.split_once("9kLm_") {
                    assert!(["…", "[masked]", "[masked]…"].contains(&rest), "{shown}");
                }
            }
        }
    }

    #[test]
    fn cut_text_shows_no_part_of_a_credential() {
        for credential in [key(), JWT.to_owned()] {
            for before in 0..200 {
                let shown = escape(&format!("{}/{credential}", "x".repeat(before)));
                assert!(!shown.contains("9Zr3") && !shown.contains("eyJ"), "{shown}");
            }
        }
        // A first credential that fills all that is looked at, and a second across its end.
        for length in 1_000..1_300 {
            let text = format!("{JWT}{} {}", "A".repeat(length), key());
            let shown = escape(&text);
            assert!(!shown.contains("m_9"), "{shown}");
        }
    }

    #[test]
    fn ids_stay_readable() {
        for text in [
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", // a thumbprint as `kid`
            "b1e4c1f0e4c5a6d7b8c9d0e1f2a3b4c5d6e7f8a9",
            "https://issuer.example.com/realms/orders",
            "9b2f8a4e-3f55-4e0c-9a53-1d1f2c3b4a5d",
            "eyes.example.com",
            "/orders/monkey.jpeg",
            "a_2026_11_29_backup",
        ] {
            assert_eq!(mask(text), text);
        }
    }
}
