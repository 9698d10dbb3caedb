//! What a response says about the token: challenges (RFC 6750 §3, RFC 9449 §9) and gRPC statuses.

use http::{HeaderMap, HeaderName, StatusCode, header::WWW_AUTHENTICATE};

static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// A cheap check that is false for most responses. If true, [`rejects_token`] decides.
#[inline]
pub(crate) fn may_reject_token(status: StatusCode, headers: &HeaderMap) -> bool {
    // Comparing the few names of a usual response is cheaper than hashing one.
    status == StatusCode::UNAUTHORIZED
        || (status == StatusCode::OK && headers.keys().any(|name| *name == GRPC_STATUS))
}

/// Whether the service rejects the token itself (RFC 6750 §3.1). A new token does not help against a 401 for another
/// reason.
///
/// gRPC has no challenges; it uses the status `UNAUTHENTICATED`, which is in the head if there is no message.
pub(crate) fn rejects_token(status: StatusCode, headers: &HeaderMap) -> bool {
    match status {
        StatusCode::UNAUTHORIZED => has_error(headers, "invalid_token"),
        StatusCode::OK => headers
            .get(&GRPC_STATUS)
            .is_some_and(|status| status == "16"),
        _ => false,
    }
}

/// Whether a challenge has this error (RFC 6750 §3.1, RFC 9449 §9).
pub(crate) fn has_error(headers: &HeaderMap, error: &str) -> bool {
    let mut values = headers.get_all(WWW_AUTHENTICATE).iter();
    values.any(|value| value_has_error(value.as_bytes(), error))
}

/// Whether a challenge in this header value has the parameter `error` with the value `wanted` (RFC 9110 §11.6.1).
fn value_has_error(value: &[u8], wanted: &str) -> bool {
    let mut rest = value;
    let (mut name, mut after_equals) = (None, false);
    while let Some(token) = next_token(&mut rest) {
        let is_error = after_equals && name.is_some_and(is_error_name);
        match token {
            Token::Word(text) | Token::Quoted(text) if after_equals => {
                let quoted = matches!(token, Token::Quoted(_));
                if is_error && unescape(text, quoted).eq(wanted.bytes()) {
                    return true;
                }
                (name, after_equals) = (None, false);
            }
            Token::Equals => after_equals = true,
            Token::Word(text) => name = Some(text),
            Token::Quoted(_) | Token::Comma => (name, after_equals) = (None, false),
        }
    }
    false
}

fn is_error_name(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"error")
}

/// Removes the backslash before escaped bytes of a quoted string (RFC 9110 §5.6.4).
fn unescape(text: &[u8], is_quoted: bool) -> impl Iterator<Item = u8> {
    let mut bytes = text.iter().copied();
    std::iter::from_fn(move || match bytes.next()? {
        b'\\' if is_quoted => bytes.next(),
        byte => Some(byte),
    })
}

#[derive(Clone, Copy)]
enum Token<'h> {
    Word(&'h [u8]),
    /// The text between the quotes, not unescaped.
    Quoted(&'h [u8]),
    Equals,
    Comma,
}

fn next_token<'h>(rest: &mut &'h [u8]) -> Option<Token<'h>> {
    let text = rest.trim_ascii_start();
    let (&first, after) = text.split_first()?;
    let (token, after) = match first {
        b'=' => (Token::Equals, after),
        b',' => (Token::Comma, after),
        b'"' => {
            let mut is_escaped = false;
            let end = after.iter().position(|&byte| {
                let ends = byte == b'"' && !is_escaped;
                is_escaped = byte == b'\\' && !is_escaped;
                ends
            });
            // Without a closing quote, the string extends to the end.
            let (quoted, after) = after.split_at(end.unwrap_or(after.len()));
            (Token::Quoted(quoted), after.get(1..).unwrap_or_default())
        }
        _ => {
            let end = text.iter().position(|byte| b"=,\" \t".contains(byte));
            let (word, after) = text.split_at(end.unwrap_or(text.len()));
            (Token::Word(word), after)
        }
    };
    *rest = after;
    Some(token)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn error_is_found_in_any_challenge() {
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

    #[test]
    fn challenge_rejects_token_only_with_401() {
        let mut headers = HeaderMap::new();
        let challenge = HeaderValue::from_static(r#"Bearer error="invalid_token""#);
        headers.append(WWW_AUTHENTICATE, challenge);
        for (status, expected) in [(401, true), (403, false), (400, false), (200, false)] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(rejects_token(status, &headers), expected, "{status}");
        }
    }

    #[test]
    fn grpc_status_unauthenticated_rejects_token() {
        for (code, expected) in [("16", true), ("0", false), ("7", false), ("", false)] {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-status", HeaderValue::from_static(code));
            assert_eq!(rejects_token(StatusCode::OK, &headers), expected, "{code}");
            assert!(!rejects_token(StatusCode::UNAUTHORIZED, &headers));
        }
    }
}
