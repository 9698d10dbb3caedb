//! CR and LF in key sets, in response headers and in metadata.
//!
//! Line ends in tokens are among the other [requests](super::requests).

use super::key_sets::{KeySetCases, Served, base, fresh, set};
use super::scripted::Script;
use super::world::World;

pub(super) const CLASS: &str = "CR/LF in issuer responses";

/// A text that must not become a header or a log line.
pub(super) const INJECTED: &str = "\r\nX-Injected: yes\r\n\r\n";

pub(super) fn cases(world: &World, cases: &mut KeySetCases) {
    in_a_key_set(world, cases);
    in_headers(world, cases);
}

fn in_a_key_set(world: &World, cases: &mut KeySetCases) {
    let mut item = cases.item(CLASS, "in a key set");
    let injected = |member: &str| {
        let mut jwk = fresh().public_jwk();
        let text = jwk[member].as_str().unwrap_or("x").to_owned();
        jwk[member] = format!("{text}{INJECTED}").into();
        jwk
    };
    let probe = world.token_by(&fresh());
    let named = format!("new{INJECTED}");
    item.document(
        "kid, its token",
        set([base(), injected("kid")]),
        probe.clone().kid(&named).mint(),
    );
    item.document(
        "kid, another token",
        set([base(), injected("kid")]),
        probe.mint(),
    );
    for member in ["alg", "kty", "crv", "use", "x", "unknown"] {
        item.document(member, set([base(), injected(member)]), probe.mint());
    }
    let mut skipped = injected("kid");
    skipped["alg"] = "none".into();
    item.document(
        "kid of an unusable key",
        set([base(), skipped]),
        probe.kid(&named).mint(),
    );
    let text = serde_json::Value::from(INJECTED).to_string();
    item.document("nothing else", text, world.token_by(&fresh()).mint());
}

fn in_headers(world: &World, cases: &mut KeySetCases) {
    let mut item = cases.item(CLASS, "in headers");
    let body = String::from_utf8(set([base(), fresh().public_jwk()])).expect("JSON");
    let length = body.len();
    let probe = || world.token_by(&fresh()).mint();
    let whole = |head: &str| {
        let answer = format!(
            "HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        Served::Script(Script::Answer(answer.into_bytes()))
    };
    for (name, head) in [
        (
            "an extra header",
            "200 OK\r\netag: \"a\"\r\nX-Injected: yes",
        ),
        ("CR in ETag", "200 OK\r\netag: \"a\rX-Injected: yes\""),
        ("LF in ETag", "200 OK\r\netag: \"a\nX-Injected: yes\""),
        (
            "CR in Cache-Control",
            "200 OK\r\ncache-control: max-age=600\rX-Injected: yes",
        ),
        (
            "a folded Cache-Control",
            "200 OK\r\ncache-control: max-age=600,\r\n X-Injected",
        ),
        ("CR in the reason", "200 OK\rX-Injected: yes"),
        ("CR in a name", "200 OK\r\nx\rinjected: yes"),
        (
            "CR in Content-Type",
            "200 OK\r\ncontent-type: application/json\rX-Injected: yes",
        ),
        (
            "CR in Date",
            "200 OK\r\ndate: Tue, 01 Jan 2030 00:00:00 GMT\rX-Injected: yes",
        ),
        (
            "CR in Retry-After of a 503",
            "503 Unavailable\r\nretry-after: 1\rX-Injected: yes",
        ),
        ("LF in the reason of a 500", "500 Bad\nX-Injected: yes"),
        (
            "encoded CR and LF in Location",
            "302 Found\r\nlocation: /%0d%0aX-Injected:%20yes",
        ),
    ] {
        item.served(name, whole(head), probe());
    }
}
