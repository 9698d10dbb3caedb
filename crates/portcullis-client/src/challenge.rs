//! What a response says about the token: challenges (RFC 6750 §3, RFC 9449 §9) and gRPC statuses.

use http::{HeaderMap, HeaderName, StatusCode, header::WWW_AUTHENTICATE};

static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_UNAUTHENTICATED: &str = "16";

/// A cheap check that is false for most responses. If true, [`rejects_token`] decides.
#[inline]
pub(crate) fn may_reject_token(status: StatusCode, headers: &HeaderMap) -> bool {
    // Comparing the few names of a usual response is cheaper than hashing one.
    status == StatusCode::UNAUTHORIZED
        || (status == StatusCode::OK && headers.keys().any(|name| *name == GRPC_STATUS))
}

/// Whether the service rejects the token itself, so that a new token may help (RFC 6750 §3.1). A gRPC response that is only a
/// head (Trailers-Only) has its status there.
pub(crate) fn rejects_token(status: StatusCode, headers: &HeaderMap) -> bool {
    match status {
        StatusCode::UNAUTHORIZED => has_error(headers, "invalid_token"),
        StatusCode::OK => headers
            .get(&GRPC_STATUS)
            .is_some_and(|status| status == GRPC_UNAUTHENTICATED),
        _ => false,
    }
}

pub(crate) fn has_error(headers: &HeaderMap, error: &str) -> bool {
    let mut values = headers.get_all(WWW_AUTHENTICATE).iter();
    values.any(|value| value_has_error(value.as_bytes(), error.as_bytes()))
}

/// Whether a challenge in this header value has the parameter `error` with the value `wanted` (RFC 9110 §11.6.1).
fn value_has_error(mut rest: &[u8], wanted: &[u8]) -> bool {
    while let Some(equals) = rest.iter().position(|byte| *byte == b'=') {
        let name = rest[..equals].trim_ascii_end();
        let name = name.rsplit(|byte| b", \t".contains(byte)).next();
        let is_error = name.is_some_and(|name| name.eq_ignore_ascii_case(b"error"));
        let (value, after) = split_value(rest[equals + 1..].trim_ascii_start());
        if is_error && value == wanted {
            return true;
        }
        rest = after;
    }
    false
}

/// The value at the beginning, and the rest. A quoted string (RFC 9110 §5.6.4) without a closing quote has no rest.
fn split_value(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|byte| b"=,\" \t".contains(byte));
        let (value, rest) = text.split_at(end.unwrap_or(text.len()));
        return (value.to_vec(), rest);
    };
    let (mut value, mut bytes) = (Vec::new(), quoted.iter());
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => break,
            b'\\' => value.extend(bytes.next()),
            _ => value.push(*byte),
        }
    }
    (value, bytes.as_slice())
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
