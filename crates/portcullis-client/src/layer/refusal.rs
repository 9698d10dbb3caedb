//! Reading a response for whether the service refused the token.

use http::{HeaderMap, StatusCode, header::WWW_AUTHENTICATE};

/// Whether the service says that the token is not valid (RFC 6750 §3.1). A 401 for other reasons is no reason to get
/// another.
///
/// gRPC has no challenge: there it is the status `UNAUTHENTICATED`, which stands in the head when nothing else was sent.
pub(crate) fn is_of_the_token(status: StatusCode, headers: &HeaderMap) -> bool {
    match status {
        StatusCode::UNAUTHORIZED => {
            let mut challenges = headers.get_all(WWW_AUTHENTICATE).iter();
            challenges.any(|challenge| says_invalid_token(challenge.as_bytes()))
        }
        StatusCode::OK => headers
            .get("grpc-status")
            .is_some_and(|status| status == "16"),
        _ => false,
    }
}

/// Whether one of these challenges has the parameter `error` with the value `invalid_token` (RFC 9110 §11.6.1).
fn says_invalid_token(challenges: &[u8]) -> bool {
    let mut rest = challenges;
    let (mut name, mut value_follows) = (None, false);
    while let Some(token) = next(&mut rest) {
        match token {
            Token::Equals => value_follows = true,
            Token::Word(text) | Token::Quoted(text) if value_follows => {
                if text == b"invalid_token" && name.is_some_and(is_error) {
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

enum Token<'h> {
    Word(&'h [u8]),
    /// What stands between the quotes.
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
            for (status, expected) in [(401, expected), (403, false), (400, false), (200, false)] {
                let status = StatusCode::from_u16(status).expect("a status");
                let is = is_of_the_token(status, &headers);
                assert_eq!(is, expected, "{status} {challenges:?}");
            }
        }
    }

    #[test]
    fn a_grpc_status_that_says_so() {
        for (code, expected) in [("16", true), ("0", false), ("7", false), ("", false)] {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-status", HeaderValue::from_static(code));
            assert_eq!(
                is_of_the_token(StatusCode::OK, &headers),
                expected,
                "{code}"
            );
            assert!(!is_of_the_token(StatusCode::UNAUTHORIZED, &headers));
        }
    }
}
