//! What a 401 says about the token.

use http::{HeaderMap, header::WWW_AUTHENTICATE};

/// Whether a challenge has this error (RFC 6750 §3.1, RFC 9449 §9).
pub(crate) fn has_error(headers: &HeaderMap, error: &str) -> bool {
    let mut challenges = headers.get_all(WWW_AUTHENTICATE).iter();
    challenges.any(|challenge| value_has_error(challenge.as_bytes(), error))
}

/// Whether one of the challenges in this value has the parameter `error` with the value `wanted` (RFC 9110 §11.6.1).
fn value_has_error(challenges: &[u8], wanted: &str) -> bool {
    let mut rest = challenges;
    let (mut name, mut value_follows) = (None, false);
    while let Some(token) = next(&mut rest) {
        match token {
            Token::Equals => value_follows = true,
            Token::Word(text) if value_follows => {
                if name.is_some_and(is_error) && text == wanted.as_bytes() {
                    return true;
                }
                (name, value_follows) = (None, false);
            }
            Token::Quoted(text) if value_follows => {
                if name.is_some_and(is_error) && unquoted(text).eq(wanted.bytes()) {
                    return true;
                }
                (name, value_follows) = (None, false);
            }
            Token::Word(text) => name = Some(text),
            Token::Quoted(_) | Token::Comma => (name, value_follows) = (None, false),
        }
    }
    false
}

fn is_error(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"error")
}

/// The text of a quoted string: a backslash stands for the byte behind it (RFC 9110 §5.6.4).
fn unquoted(quoted: &[u8]) -> impl Iterator<Item = u8> {
    let mut bytes = quoted.iter().copied();
    std::iter::from_fn(move || match bytes.next()? {
        b'\\' => bytes.next(),
        byte => Some(byte),
    })
}

enum Token<'h> {
    Word(&'h [u8]),
    /// What stands between the quotes, with its escapes.
    Quoted(&'h [u8]),
    Equals,
    Comma,
}

fn next<'h>(rest: &mut &'h [u8]) -> Option<Token<'h>> {
    let text = rest.trim_ascii_start();
    let (&first, behind) = text.split_first()?;
    let (token, behind) = match first {
        b'=' => (Token::Equals, behind),
        b',' => (Token::Comma, behind),
        b'"' => {
            let mut is_escaped = false;
            let end = behind.iter().position(|&byte| {
                let ends = byte == b'"' && !is_escaped;
                is_escaped = byte == b'\\' && !is_escaped;
                ends
            });
            // What is never closed reaches to the end.
            let (quoted, behind) = behind.split_at(end.unwrap_or(behind.len()));
            (Token::Quoted(quoted), behind.get(1..).unwrap_or_default())
        }
        _ => {
            let end = text.iter().position(|byte| b"=,\" \t".contains(byte));
            let (word, behind) = text.split_at(end.unwrap_or(text.len()));
            (Token::Word(word), behind)
        }
    };
    *rest = behind;
    Some(token)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn challenges_that_say_invalid_token() {
        for (challenges, expected) in [
            (&[r#"Bearer error="invalid_token""#][..], true),
            (
                &[r#"Bearer realm="a b", error="invalid_token", error_description="x""#],
                true,
            ),
            (&["Bearer error=invalid_token"], true),
            (&[r#"Bearer error = "invalid_token""#], true),
            (&["Bearer\terror=invalid_token"], true),
            (&[r#"bearer ERROR="invalid_token""#], true),
            (&[r#"Bearer error="\invalid_token""#], true),
            (&[r#"Bearer error="\i\n\v\a\l\i\d\_\t\o\k\e\n""#], true),
            (&[r#"Bearer error="\\invalid_token""#], false),
            (&[r#"Bearer error="invalid_token\""#], false),
            (&[r#"Bearer error=\invalid_token"#], false),
            (
                &[r#"ApiKey realm="x", Bearer realm="y",error="invalid_token""#],
                true,
            ),
            (
                &[
                    r#"Basic realm="x""#,
                    r#"DPoP error="invalid_token", algs="ES256""#,
                ],
                true,
            ),
            (&[r#"Negotiate YQ==, Bearer error="invalid_token""#], true),
            (
                &[r#"Bearer realm="\"schlüssel\"", error="invalid_token""#],
                true,
            ),
            (&[], false),
            (&["Bearer"], false),
            (&["Bearer error"], false),
            (&["Bearer error="], false),
            (&[r#"Bearer error="insufficient_scope""#], false),
            (&[r#"Bearer error="invalid_request""#], false),
            (&[r#"Bearer error="INVALID_TOKEN""#], false),
            (&[r#"Bearer error="invalid_token, or so""#], false),
            (&[r#"Bearer x_error="invalid_token""#], false),
            (
                &[r#"Bearer error_description="error=invalid_token""#],
                false,
            ),
            (
                &[r#"Bearer error_description="no error=invalid_token here""#],
                false,
            ),
            (&[r#"Bearer realm="a \", error=invalid_token""#], false),
            (&[r#"Bearer realm="a, error=invalid_token"#], false),
            (&[r#"Bearer error, invalid_token"#], false),
            (&[r#"DPoP error="use_dpop_nonce""#], false),
        ] {
            let mut headers = HeaderMap::new();
            for challenge in challenges {
                let value = HeaderValue::from_bytes(challenge.as_bytes()).expect(challenge);
                headers.append(WWW_AUTHENTICATE, value);
            }
            assert_eq!(
                has_error(&headers, "invalid_token"),
                expected,
                "{challenges:?}"
            );
        }
    }
}
