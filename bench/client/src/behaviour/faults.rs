//! How an issuer fails.

use std::time::Duration;

use portcullis_test::Fault;
use serde_json::{Value, json};

use super::Effort;

/// The names of the faults, as tables have them.
pub const FAULTS: [&str; 15] = [
    "down",
    "slow",
    "hangs",
    "500",
    "429, Retry-After",
    "HTML",
    "error in a 200",
    "empty token",
    "token with CR LF",
    "token with a space",
    "token_type mac",
    "expires_in −1",
    "expires_in in text",
    "expires_in 2⁶³−1",
    "expires_in 1e18",
];

/// The fault of this name.
///
/// # Panics
/// Where there is none.
#[must_use]
pub fn fault(name: &str, effort: Effort) -> Fault {
    match name {
        "down" => Fault::Down,
        // Good, though late.
        "slow" => Fault::Slow(effort.timeout / 2),
        "hangs" => Fault::Hang,
        "500" => Fault::Status(500),
        "429, Retry-After" => Fault::TooManyRequests {
            retry_after: Some(Duration::from_secs(30)),
        },
        "HTML" => Fault::Html,
        "error in a 200" => Fault::Json(json!({ "error": "invalid_scope" })),
        "empty token" => issued("access_token", json!("")),
        "token with CR LF" => issued("access_token", json!("opaque\r\nX-Admin: true")),
        "token with a space" => issued("access_token", json!("opaque token")),
        "token_type mac" => issued("token_type", json!("mac")),
        "expires_in −1" => issued("expires_in", json!(-1)),
        "expires_in in text" => issued("expires_in", json!("60")),
        "expires_in 2⁶³−1" => issued("expires_in", json!(i64::MAX)),
        "expires_in 1e18" => issued("expires_in", json!(1e18)),
        _ => panic!("{name} is no fault"),
    }
}

/// An answer with a token, of which one member is changed.
fn issued(member: &str, value: Value) -> Fault {
    let mut body = json!({ "access_token": "opaque", "token_type": "Bearer", "expires_in": 60 });
    body[member] = value;
    Fault::Json(body)
}
