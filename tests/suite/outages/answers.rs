//! Assertions about answers.

use portcullis_tests::Response;

/// Checks that the request was accepted.
pub(super) fn passes(response: &Response, what: &str) {
    assert_eq!(response.status, 200, "{what}: {}", describe(response));
}

/// Checks for an outage: 503 with `Retry-After` and without a challenge.
pub(super) fn outage(response: &Response, what: &str) {
    assert_eq!(response.status, 503, "{what}: {}", describe(response));
    let wait = response.header("retry-after").map(str::parse);
    assert!(
        matches!(wait, Some(Ok(1..=30))),
        "{what}: {}",
        describe(response)
    );
    assert_eq!(
        response.header("www-authenticate"),
        None,
        "{what}: another credential would not help"
    );
    assert_eq!(response.json()["status"], 503, "{what}");
}

/// Checks that the token was rejected: 401 with `invalid_token`.
pub(super) fn invalid(response: &Response, what: &str) {
    assert_eq!(response.status, 401, "{what}: {}", describe(response));
    let challenge = response.header("www-authenticate").unwrap_or_default();
    assert!(
        challenge.contains(r#"error="invalid_token""#),
        "{what}: {challenge}"
    );
    assert_eq!(response.header("retry-after"), None, "{what}");
}

/// Checks that the request was not accepted: 400, 401, or 503 in an outage.
pub(super) fn refused(response: &Response, what: &str) {
    match response.status {
        400 | 401 => {}
        503 => outage(response, what),
        _ => panic!("{what}: {}", describe(response)),
    }
}

fn describe(response: &Response) -> String {
    format!("{:?} {}", response.headers, response.text())
}
