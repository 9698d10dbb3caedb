//! B6: for any bytes in a request, the response parses and echoes none of them.

use http::{HeaderName, HeaderValue, Request, header::AUTHORIZATION};
use portcullis_core::{AuthenticateLayer, Refusal, RequireScopeLayer, Scope, scheme::Outcome};

use crate::{
    parse,
    support::{Fake, KEY_HEADER, send},
};

const WRITE: Scope = Scope::from_static("orders:write");

/// A text that no response may contain.
const CANARY: &str = "c4n4ry";

fn stack(waits: bool) -> (AuthenticateLayer, RequireScopeLayer) {
    let scheme = move |fake: Fake| {
        fake.answering(move |fake, credential| {
            let decided = fake.decide(credential);
            if waits {
                Outcome::Pending(Box::pin(async { decided }))
            } else {
                Outcome::Done(decided)
            }
        })
    };
    let schemes = (scheme(Fake::bearer()), scheme(Fake::key()));
    (
        AuthenticateLayer::any_of(schemes).expect("two sources"),
        RequireScopeLayer::all([WRITE]),
    )
}

/// A small seeded generator, so that a failure can be reproduced.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }

    /// Joins characters with a meaning in header fields, and the canary.
    fn value(&mut self) -> Vec<u8> {
        const PIECES: [&[u8]; 24] = [
            b"Bearer ",
            b"bearer",
            b"ApiKey ",
            b"Basic ",
            b" ",
            b"\t",
            b",",
            b"=",
            b"\"",
            b"\\",
            b"realm=\"x\"",
            b", error=\"x\"",
            b"\xff",
            b"\xc3\xa9",
            b"%0d%0a",
            b"..",
            b"a.b.c",
            b"{}",
            b"reader",
            b"admin",
            b"down",
            b";",
            b"/+~",
            b"'",
        ];
        let mut value = Vec::new();
        for _ in 0..self.next(6) {
            value.extend_from_slice(PIECES[self.next(PIECES.len())]);
            if self.next(3) == 0 {
                value.extend_from_slice(CANARY.as_bytes());
            }
        }
        value
    }
}

#[tokio::test]
async fn b6_hostile_headers_are_not_echoed() {
    let stacks = [stack(false), stack(true)];
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut met = std::collections::BTreeMap::new();
    for _ in 0..20_000 {
        let mut request = Request::new(());
        let names: [&HeaderName; 3] = [&AUTHORIZATION, &KEY_HEADER, &http::header::CONTENT_TYPE];
        for _ in 0..=random.next(2) {
            let value = HeaderValue::from_bytes(&random.value()).expect("no control characters");
            request
                .headers_mut()
                .append(names[random.next(names.len())], value);
        }
        let sent = format!("{:?}", request.headers());
        let response = send(&stacks[random.next(2)], request).await;
        let status = response.status().as_u16();
        *met.entry(status).or_insert(0) += 1;
        if response.extensions().get::<Refusal>().is_none() {
            assert_eq!(status, 200, "{sent}");
            continue;
        }
        let body = std::str::from_utf8(response.body()).expect("UTF-8");
        assert!(!body.contains(CANARY), "{sent} → {body}");
        for (name, value) in response.headers() {
            let value = value.to_str().expect("visible ASCII");
            assert!(!value.contains(CANARY), "{sent} → {name}: {value}");
        }
        let challenges = parse::challenges(response.headers());
        for challenge in &challenges {
            assert_eq!(challenge.get("realm"), Some("orders"), "{sent}");
            for name in ["error", "error_description", "scope"] {
                let value = challenge.get(name).unwrap_or("x");
                assert!(
                    value
                        .bytes()
                        .all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)),
                    "{value}"
                );
            }
        }
        let expected = match status {
            400 | 401 => 2,
            403 => 1,
            503 => 0,
            other => panic!("{other} for {sent}"),
        };
        assert_eq!(challenges.len(), expected, "{sent}");
        let problem: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(problem["status"], status);
    }
    let met: Vec<_> = met.into_keys().collect();
    assert_eq!(
        met,
        [200, 400, 401, 403, 503],
        "the generated requests get all kinds of responses"
    );
}
