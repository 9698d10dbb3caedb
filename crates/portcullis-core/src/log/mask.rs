//! Finds credentials in text.

use std::ops::Range;

/// Replaces JWTs and the secrets of Portcullis API keys in a text by `[masked]`: see [`escape`](super::escape). If `is_cut`, the
/// text is the beginning of a longer one, and a credential at its end may be incomplete.
pub(crate) fn mask(text: &str, is_cut: bool) -> String {
    let mut octets = percent_decode(text);
    // Drops a percent escape that was cut.
    while is_cut && octets.iter().rev().take(2).any(|octet| octet.value == b'%') {
        octets.pop();
    }
    let shown = &text[..octets.last().map_or(0, |octet| octet.end)];
    let mut found = credentials(&octets, is_cut);
    // Looks again without line breaks: a credential may be folded into several lines.
    octets.retain(|octet| !octet.value.is_ascii_control());
    found.extend(credentials(&octets, is_cut));
    let mut is_secret = vec![false; shown.len()];
    for range in found {
        is_secret[range].fill(true);
    }
    let mut masked = String::with_capacity(shown.len());
    for (at, character) in shown.char_indices() {
        if !is_secret[at] {
            masked.push(character);
        } else if at == 0 || !is_secret[at - 1] {
            masked.push_str("[masked]");
        }
    }
    masked
}

struct Octet {
    value: u8,
    start: usize,
    end: usize,
}

/// Undoes percent-encoding, however often it was applied.
fn percent_decode(text: &str) -> Vec<Octet> {
    let mut octets: Vec<Octet> = Vec::with_capacity(text.len());
    for (start, value) in text.bytes().enumerate() {
        let end = start + 1;
        octets.push(Octet { value, start, end });
        // A decoded octet may be the last digit of another escape.
        while let [.., percent, high, low] = octets.as_slice()
            && percent.value == b'%'
            && let Some(value) = percent_octet(high.value, low.value)
        {
            let (start, end) = (percent.start, low.end);
            octets.truncate(octets.len() - 3);
            octets.push(Octet { value, start, end });
        }
    }
    octets
}

/// The octet that `%` and these two hexadecimal digits encode.
pub(crate) fn percent_octet(high: u8, low: u8) -> Option<u8> {
    let digit = |octet: u8| char::from(octet).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

fn credentials(octets: &[Octet], is_cut: bool) -> Vec<Range<usize>> {
    let is_in_jwt =
        |octet: &Octet| octet.value.is_ascii_alphanumeric() || b"-_.=".contains(&octet.value);
    let mut found = key_secrets(octets, is_cut);
    found.extend(octets.split(|octet| !is_in_jwt(octet)).filter_map(|run| {
        let values: Vec<u8> = run.iter().map(|octet| octet.value).collect();
        range_of(&run[find_jwt(&values)?..])
    }));
    found
}

fn range_of(octets: &[Octet]) -> Option<Range<usize>> {
    Some(octets.first()?.start..octets.last()?.end)
}

/// The secrets of API keys. A run of letters and digits after `_` is one if it is as long as a secret, or if an id precedes
/// the `_` and the run is a part of a secret. The tests of `ApiKey` check these lengths.
fn key_secrets(octets: &[Octet], is_cut: bool) -> Vec<Range<usize>> {
    const ID_LENGTH: usize = 12;
    const LENGTH_WITH_CHECKSUM: usize = 33;
    const SHORTEST_PART: usize = 20;

    let is_member = |octet: &&Octet| octet.value.is_ascii_alphanumeric();
    let end = octets.last().map(|last| last.end);
    let mut found = Vec::new();
    let mut parts = octets.split(|octet| octet.value == b'_');
    let mut before = parts.next().unwrap_or_default();
    for part in parts {
        let follows_id = before.iter().rev().take_while(is_member).count() == ID_LENGTH;
        let length = part.iter().take_while(is_member).count();
        let run = range_of(&part[..length]);
        let was_cut = is_cut && run.as_ref().map(|run| run.end) == end;
        let is_part = follows_id && (length >= SHORTEST_PART || was_cut);
        if is_part || length == LENGTH_WITH_CHECKSUM {
            found.extend(run);
        }
        before = part;
    }
    found
}

/// Where a JWT begins in a run of base64url and dots. A JWT begins with a JSON object in base64url, nearly always `eyJ`. After
/// an unusual beginning, `ey` or `ew`, the next part must also begin with `ey` or `ew`.
fn find_jwt(run: &[u8]) -> Option<usize> {
    /// Shorter than the header `{"alg":"RS256"}` alone.
    const SHORTEST: usize = 16;

    let is_object = |part: &[u8]| part.starts_with(b"ey") || part.starts_with(b"ew");
    (0..=run.len().checked_sub(SHORTEST)?).find(|&at| {
        let rest = &run[at..];
        let begins_part = at == 0 || run[at - 1] == b'.';
        let next_part = || rest.splitn(2, |octet| *octet == b'.').nth(1);
        rest.starts_with(b"eyJ")
            || (begins_part && is_object(rest) && next_part().is_some_and(is_object))
    })
}

#[cfg(test)]
mod tests {
    use crate::log::escape;

    fn mask(text: &str) -> String {
        super::mask(text, false)
    }

    const SECRET: &str = "9Zr3mWq8TfL2xVb7Nc5Ky1Jd0PhaBcDeF";
    const JWT: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2EifQ.c2lnbmF0dXJl_-";

    fn key() -> String {
        format!("acme_live_4fXq0ZbT9kLm_{SECRET}")
    }

    #[test]
    fn only_the_id_of_an_api_key_is_shown() {
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
            let masked = mask(&format!("/x/{text}/y"));
            assert!(masked.ends_with("[masked]/y"), "{masked}");
            assert!(!masked.contains("ey") && !masked.contains("ew"), "{masked}");
        }
    }

    #[test]
    fn percent_encoded_credentials_are_masked() {
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
                let masked = mask(&text);
                assert!(masked.ends_with("[masked]"), "{text} → {masked}");
                assert!(masked.len() < 12 + text.len() / 2, "{text} → {masked}");
            }
        }
        assert_eq!(mask("/%7Ename/100%/%zz/%"), "/%7Ename/100%/%zz/%");
    }

    #[test]
    fn any_depth_of_percent_encoding_is_decoded() {
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
            // A credential may also begin after them.
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
        // The first credential fills the part that is examined, and the second lies across its end.
        for length in 1_000..1_300 {
            let text = format!("{JWT}{} {}", "A".repeat(length), key());
            let shown = escape(&text);
            assert!(!shown.contains("m_9"), "{shown}");
        }
    }

    #[test]
    fn ids_are_not_masked() {
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
