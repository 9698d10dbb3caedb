//! URLs and issuer names in logs and errors.

use super::escape_to;

/// The longest URL or name shown, in characters. Operators copy them, so the limit is generous.
const MAX_LENGTH: usize = 1024;

/// A URL or an issuer's name for a log line or an error: without user name, password, query and fragment, which may hold
/// a secret. Otherwise as [`escape`](super::escape), but cut after 1,024 characters.
///
/// The rest stays as written, so that it can be compared and copied.
///
/// ```
/// use portcullis_core::log::escape_url;
///
/// assert_eq!(escape_url("https://user:pw@issuer.example/keys?code=1"), "https://issuer.example/keys");
/// ```
#[must_use]
pub fn escape_url(text: &str) -> String {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let text = &text[..end];
    let (scheme, rest) = text.split_at(authority_start(text));
    let rest = if scheme.is_empty() {
        // A name, in which an `@` is not a separator.
        rest
    } else {
        let path = rest.find(['/', '\\']).unwrap_or(rest.len());
        let user_end = rest[..path].rfind('@').map_or(0, |at| at + 1);
        &rest[user_end..]
    };
    escape_to(&[scheme, rest].concat(), MAX_LENGTH)
}

/// Where the part after the scheme begins; 0 without a scheme. URL parsers also accept `https:host` and `https:\host`.
fn authority_start(text: &str) -> usize {
    let starts_with = |scheme: &&str| {
        let start = text.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let scheme_end = match text.find("://") {
        Some(at) => Some(at + 1),
        None => ["https:", "http:"]
            .into_iter()
            .find(starts_with)
            .map(str::len),
    };
    scheme_end.map_or(0, |end| {
        text.len() - text[end..].trim_start_matches(['/', '\\']).len()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_query_and_fragment_are_removed() {
        for (text, shown) in [
            ("https://issuer.example", "https://issuer.example"),
            ("https://issuer.example/", "https://issuer.example/"),
            ("https://issuer.example/a/@b", "https://issuer.example/a/@b"),
            (
                "https://i.example/keys?code=s3cr3t",
                "https://i.example/keys",
            ),
            ("https://i.example?s3cr3t@x", "https://i.example"),
            ("https://i.example/#s3cr3t?", "https://i.example/"),
            ("https://s3cr3t@i.example/keys", "https://i.example/keys"),
            ("https://u:s3@cr3t@i.example:1", "https://i.example:1"),
            ("HTTPS:u:s3cr3t@i.example/a", "HTTPS:i.example/a"),
            (
                "https:\\\\u:s3cr3t@i.example\\a@b",
                "https:\\\\\\\\i.example\\\\a@b",
            ),
            ("https:///u:s3cr3t@i.example/a", "https:///i.example/a"),
            ("orders@project.example", "orders@project.example"),
            ("urn:issuer:1", "urn:issuer:1"),
            ("", ""),
            ("a\r\n\u{1b}[31m", r"a\r\n\u{1b}[31m"),
        ] {
            assert_eq!(escape_url(text), shown, "{text}");
        }
    }

    #[test]
    fn long_urls_are_cut_late() {
        let long = format!("https://issuer.example/{}", "x".repeat(600));
        assert_eq!(escape_url(&long), long);
        assert_eq!(
            escape_url(&"x".repeat(5000)).chars().count(),
            MAX_LENGTH + 1
        );
    }
}
