//! URLs and the names of issuers, as logs and errors show them.

use crate::escape_to;

/// The longest URL or name that is shown, in characters. Operators copy them, so they are cut late.
const LONGEST: usize = 1024;

/// A URL or an issuer's name for a log line or an error: without user name, password, query and fragment, which may hold a
/// secret; otherwise as [`escape`](crate::escape) does, but cut after 1,024 characters.
///
/// The rest is left as it is written, so that it can be compared and copied.
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
    let authority = authority_start(text);
    let path = text[authority..]
        .find(['/', '\\'])
        .map_or(text.len(), |at| authority + at);
    // Without a scheme it is a name, where an `@` is part of it.
    let user_end = text[authority..path]
        .rfind('@')
        .filter(|_| authority > 0)
        .map_or(authority, |at| authority + at + 1);
    let shown = [&text[..authority], &text[user_end..]].concat();
    escape_to(&shown, LONGEST)
}

/// Where the part after the scheme begins; 0 if there is none. URL parsers accept `https:host` and `https:\host` too.
fn authority_start(text: &str) -> usize {
    let scheme = match text.find("://") {
        Some(at) => at + 1,
        None => ["https:", "http:"]
            .iter()
            .find(|scheme| {
                text.get(..scheme.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            })
            .map_or(0, |scheme| scheme.len()),
    };
    if scheme == 0 {
        return 0;
    }
    text.len() - text[scheme..].trim_start_matches(['/', '\\']).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_query_and_fragment_are_left_out() {
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
    fn a_name_that_must_be_copied_is_not_cut() {
        let long = format!("https://issuer.example/{}", "x".repeat(600));
        assert_eq!(escape_url(&long), long);
        assert_eq!(escape_url(&"x".repeat(5000)).chars().count(), LONGEST + 1);
    }
}
