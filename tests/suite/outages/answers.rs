//! What an answer must be.

use portcullis_tests::Response;

/// The token is good.
pub(super) fn passes(response: &Response, what: &str) {
    assert_eq!(response.status, 200, "{what}: {}", shown(response));
}

/// It cannot be decided now: 503 that says when to come back, and asks for no other credential.
pub(super) fn outage(response: &Response, what: &str) {
    assert_eq!(response.status, 503, "{what}: {}", shown(response));
    let wait = response.header("retry-after").map(str::parse);
    assert!(
        matches!(wait, Some(Ok(1..=30))),
        "{what}: {}",
        shown(response)
    );
    assert_eq!(
        response.header("www-authenticate"),
        None,
        "{what}: another credential would not help"
    );
    assert_eq!(response.json()["status"], 503, "{what}");
}

/// The token is no good, and the caller is told so.
pub(super) fn invalid(response: &Response, what: &str) {
    assert_eq!(response.status, 401, "{what}: {}", shown(response));
    let challenge = response.header("www-authenticate").unwrap_or_default();
    assert!(
        challenge.contains(r#"error="invalid_token""#),
        "{what}: {challenge}"
    );
    assert_eq!(response.header("retry-after"), None, "{what}");
}

/// Not accepted, and no failure of ours other than that it cannot be decided now.
pub(super) fn refused(response: &Response, what: &str) {
    match response.status {
        400 | 401 => {}
        503 => outage(response, what),
        _ => panic!("{what}: {}", shown(response)),
    }
}

fn shown(response: &Response) -> String {
    format!("{:?} {}", response.headers, response.text())
}
