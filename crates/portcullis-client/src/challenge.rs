//! What a 401 says about the token.

use http::{HeaderMap, header::WWW_AUTHENTICATE};

/// Whether a challenge has this error (RFC 6750 §3.1, RFC 9449 §9).
pub(crate) fn says(headers: &HeaderMap, error: &str) -> bool {
    let mut challenges = headers.get_all(WWW_AUTHENTICATE).iter();
    challenges.any(|challenge| {
        let challenge = challenge.to_str().unwrap_or_default().to_ascii_lowercase();
        let mut parameters = challenge.split([',', ' ', '\t']);
        parameters.any(|parameter| {
            let value = parameter.strip_prefix("error=");
            value.is_some_and(|value| value.trim_matches('"') == error)
        })
    })
}

#[cfg(test)]
mod tests {
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
            (&[], false),
            (&["Bearer"], false),
            (&[r#"Bearer error="insufficient_scope""#], false),
            (&[r#"Bearer error="invalid_request""#], false),
            (&[r#"Bearer x_error="invalid_token""#], false),
            (&[r#"DPoP error="use_dpop_nonce""#], false),
        ] {
            let mut headers = HeaderMap::new();
            for challenge in challenges {
                headers.append(WWW_AUTHENTICATE, challenge.parse().expect(challenge));
            }
            assert_eq!(says(&headers, "invalid_token"), expected, "{challenges:?}");
        }
    }
}
