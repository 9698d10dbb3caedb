//! Faulty responses of an issuer, and a few unusual responses that are valid.

use std::time::Duration;

use portcullis_test::{Fault, TestIssuer};
use serde_json::{Value, json};

use super::{
    noise::{among_a_thousand, among_noise},
    service::TIMEOUT,
};

/// How many cases run at once, so that hanging cases overlap.
pub(super) const SIDE_BY_SIDE: usize = 8;

/// The result of a fetch with a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fetch {
    /// The current keys remain in use.
    Fails,
    /// The published keys are used.
    Succeeds,
}

/// A fault of an endpoint.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) fault: Fault,
    pub(super) fetch: Fetch,
}

impl Case {
    /// Whether the issuer takes longer than a request waits.
    pub(super) fn keeps_waiting(&self) -> bool {
        let fault = &self.fault;
        self.fetch == Fetch::Fails && matches!(fault, Fault::Hang | Fault::Stalled | Fault::Slow(_))
    }
}

/// The cases of a key set. Redirects and URLs lead to `stranger`.
pub(super) fn of_key_set(stranger: &TestIssuer) -> Vec<Case> {
    let fails = [
        ("an empty set", Fault::EmptySet),
        ("a thousand keys", Fault::Changed(among_a_thousand)),
        ("redirected", Fault::Redirect(stranger.jwks_uri())),
        ("no keys member", Fault::Json(json!({}))),
        ("keys null", Fault::Json(json!({ "keys": null }))),
        ("keys an object", Fault::Json(json!({ "keys": {} }))),
        (
            "no usable key",
            Fault::Json(json!({ "keys": [{}, { "kty": "oct", "k": "AAAA" }] })),
        ),
        (
            "a jwks_uri instead of keys",
            Fault::Json(json!({ "keys": [], "jwks_uri": stranger.jwks_uri() })),
        ),
    ];
    cases(fails, [])
}

/// The cases of metadata. Redirects and URLs lead to `stranger`.
pub(super) fn of_metadata(issuer: &TestIssuer, stranger: &TestIssuer) -> Vec<Case> {
    let metadata =
        |jwks_uri: Value| Fault::Json(json!({ "issuer": issuer.url(), "jwks_uri": jwks_uri }));
    let fails = [
        ("an empty object", Fault::EmptySet),
        ("redirected", Fault::Redirect(stranger.discovery_uri())),
        (
            "another issuer's",
            Fault::Json(json!({ "issuer": stranger.url(), "jwks_uri": stranger.jwks_uri() })),
        ),
        (
            "an issuer with an extra slash",
            Fault::Json(
                json!({ "issuer": format!("{}/", issuer.url()), "jwks_uri": stranger.jwks_uri() }),
            ),
        ),
        (
            "no issuer",
            Fault::Json(json!({ "jwks_uri": stranger.jwks_uri() })),
        ),
        (
            "an array that holds the issuer",
            Fault::Json(json!([issuer.url()])),
        ),
        (
            "no jwks_uri",
            Fault::Json(json!({ "issuer": issuer.url() })),
        ),
        ("jwks_uri null", metadata(json!(null))),
        ("jwks_uri a list", metadata(json!([stranger.jwks_uri()]))),
        ("jwks_uri relative", metadata(json!("/jwks"))),
        ("jwks_uri a file", metadata(json!("file:///etc/passwd"))),
        (
            "jwks_uri link-local",
            metadata(json!("http://169.254.169.254/jwks")),
        ),
        ("jwks_uri private", metadata(json!("http://10.0.0.1/jwks"))),
        (
            "jwks_uri with a user and password",
            metadata(json!("http://a:b@127.0.0.1:1/jwks")),
        ),
    ];
    cases(
        fails,
        [("a thousand extra members", Fault::Changed(among_a_thousand))],
    )
}

/// These cases, and the cases of every endpoint.
fn cases<const F: usize, const S: usize>(
    fails: [(&'static str, Fault); F],
    succeeds: [(&'static str, Fault); S],
) -> Vec<Case> {
    let fails_anywhere = [
        ("down", Fault::Down),
        ("hanging", Fault::Hang),
        ("stalled in the body", Fault::Stalled),
        ("cut off in the body", Fault::CutOff),
        ("too slow", Fault::Slow(TIMEOUT * 10)),
        ("500", Fault::Status(500)),
        ("502", Fault::Status(502)),
        ("503", Fault::Status(503)),
        ("401", Fault::Status(401)),
        ("403", Fault::Status(403)),
        ("404", Fault::Status(404)),
        ("204", Fault::Status(204)),
        ("206", Fault::Status(206)),
        ("304 without If-None-Match", Fault::Status(304)),
        ("429", Fault::TooManyRequests { retry_after: None }),
        (
            "429 with Retry-After",
            Fault::TooManyRequests {
                retry_after: Some(Duration::from_secs(3600)),
            },
        ),
        ("HTML", Fault::Html),
        ("empty", Fault::Empty),
        ("null", Fault::Null),
        ("truncated", Fault::Truncated),
        ("huge", Fault::Huge { bytes: 1 << 20 }),
        ("redirected to the root", Fault::Redirect("/".into())),
        ("a list", Fault::Json(json!([]))),
        ("a string", Fault::Json(json!("keys"))),
        ("a number", Fault::Json(json!(7))),
        ("not UTF-8", body(vec![0xff; 64])),
        ("UTF-16", body(utf16("{}"))),
    ];
    let succeeds_anywhere = [
        ("slow", Fault::Slow(Duration::from_millis(50))),
        ("unusable keys among the valid", Fault::Changed(among_noise)),
        ("as text/plain", Fault::WrongContentType),
    ];
    let case = |fetch| move |(name, fault)| Case { name, fault, fetch };
    let fails = fails.into_iter().chain(fails_anywhere);
    let succeeds = succeeds.into_iter().chain(succeeds_anywhere);
    fails
        .map(case(Fetch::Fails))
        .chain(succeeds.map(case(Fetch::Succeeds)))
        .collect()
}

fn body(body: Vec<u8>) -> Fault {
    Fault::Answer {
        status: 200,
        content_type: "application/json",
        body,
    }
}

fn utf16(text: &str) -> Vec<u8> {
    let text = format!("\u{feff}{text}");
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
