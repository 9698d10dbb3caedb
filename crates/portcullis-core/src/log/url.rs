//! URLs and issuer names in logs and errors.

use super::escape_to;

/// A URL or an issuer's name for a log line or an error: without user name, password, query and fragment, which may hold
/// a secret. Otherwise as [`escape`](super::escape), but cut after 1,024 characters.
pub fn escape_url(text: &str) -> String {
    escape_to(&without_secret_parts(text), 1024)
}

/// Whether [`escape_url`] removes a part of this URL or name.
#[must_use]
pub fn has_secret_part(text: &str) -> bool {
    without_secret_parts(text) != text
}

fn without_secret_parts(text: &str) -> String {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let text = &text[..end];
    let (scheme, rest) = text.split_at(authority_start(text));
    let path = rest.find(['/', '\\']).unwrap_or(rest.len());
    let user_end = match rest[..path].rfind('@') {
        Some(at) if !scheme.is_empty() => at + 1,
        _ => 0,
    };
    [scheme, &rest[user_end..]].concat()
}

/// Where the part after the scheme begins; 0 without a scheme. URL parsers also accept `https:host` and `https:\host`.
fn authority_start(text: &str) -> usize {
    let colon = text.find("://").or_else(|| {
        let colon = text.find(':')?;
        matches!(&*text[..colon].to_ascii_lowercase(), "https" | "http").then_some(colon)
    });
    colon.map_or(0, |colon| {
        let rest = text[colon + 1..].trim_start_matches(['/', '\\']);
        text.len() - rest.len()
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
            assert_eq!(has_secret_part(text), text.contains("s3"), "{text}");
        }
    }

    #[test]
    fn long_urls_are_cut_late() {
        let long = format!("https://issuer.example/{}", "x".repeat(600));
        assert_eq!(escape_url(&long), long);
        assert_eq!(escape_url(&"x".repeat(5000)).chars().count(), 1025);
    }
}
