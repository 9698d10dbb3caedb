//! Reading a response for whether the service refused the token.

use http::{HeaderMap, HeaderName, StatusCode};

use crate::challenge;

static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Whether the answer may say that the token is not valid; most do not, and cost little to tell.
#[inline]
pub(super) fn may_refuse_token(status: StatusCode, headers: &HeaderMap) -> bool {
    // Most have a few headers, which are compared sooner than one name is hashed.
    status == StatusCode::UNAUTHORIZED
        || (status == StatusCode::OK && headers.keys().any(|name| *name == GRPC_STATUS))
}

/// Whether the service says that the token is not valid (RFC 6750 §3.1). A 401 for other reasons is no reason to get
/// another.
///
/// gRPC has no challenge: there it is the status `UNAUTHENTICATED`, which stands in the head when nothing else was sent.
pub(crate) fn refuses_token(status: StatusCode, headers: &HeaderMap) -> bool {
    match status {
        StatusCode::UNAUTHORIZED => challenge::has_error(headers, "invalid_token"),
        StatusCode::OK => headers
            .get(&GRPC_STATUS)
            .is_some_and(|status| status == "16"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header::WWW_AUTHENTICATE};

    use super::*;

    #[test]
    fn only_a_401_refuses_by_a_challenge() {
        let mut headers = HeaderMap::new();
        let challenge = HeaderValue::from_static(r#"Bearer error="invalid_token""#);
        headers.append(WWW_AUTHENTICATE, challenge);
        for (status, expected) in [(401, true), (403, false), (400, false), (200, false)] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(refuses_token(status, &headers), expected, "{status}");
        }
    }

    #[test]
    fn a_grpc_status_that_says_so() {
        for (code, expected) in [("16", true), ("0", false), ("7", false), ("", false)] {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-status", HeaderValue::from_static(code));
            assert_eq!(refuses_token(StatusCode::OK, &headers), expected, "{code}");
            assert!(!refuses_token(StatusCode::UNAUTHORIZED, &headers));
        }
    }
}
