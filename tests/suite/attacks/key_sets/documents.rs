//! Key sets that are served completely, but with unusual content.

use portcullis_test::Fault;
use serde_json::{Value, json};

use super::{KeySetCases, KeySetItem, STRANGERS, base, fresh, fresh_with, set, without};
use crate::attacks::scripted::Script;
use crate::attacks::world::World;

const CLASS: &str = "JWKS";
const LARGEST: usize = 256 * 1024;
const PAGE: &str =
    "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please.</body></html>";

pub(super) fn cases(world: &World, cases: &mut KeySetCases) {
    let documents = Documents { world };
    documents.html(&mut cases.item(CLASS, "HTML"));
    documents.empty(&mut cases.item(CLASS, "empty"));
    documents.null(&mut cases.item(CLASS, "null"));
    documents.truncated(&mut cases.item(CLASS, "truncated"));
    documents.huge(&mut cases.item(CLASS, "huge"));
    documents.a_thousand_keys(&mut cases.item(CLASS, "a thousand keys"));
}

struct Documents<'w> {
    world: &'w World,
}

/// A valid set with the new key.
fn good() -> String {
    String::from_utf8(set([base(), fresh().public_jwk()])).expect("JSON")
}

impl Documents<'_> {
    fn probe(&self) -> String {
        self.world.token_by(&fresh()).mint()
    }

    fn html(&self, item: &mut KeySetItem<'_>) {
        let answer = |status, body: String| Fault::Answer {
            status,
            content_type: "text/html; charset=utf-8",
            body: body.into_bytes(),
        };
        for status in [200, 203, 403, 500, 503] {
            item.fault(
                format!("a page, {status}"),
                answer(status, PAGE.to_owned()),
                self.probe(),
            );
        }
        for (name, document) in [
            ("a page called JSON", PAGE.to_owned()),
            ("a set in a page", PAGE.replace("Please.", &good())),
            ("a set in a script", format!("<script>{}</script>", good())),
            ("a set after a comment", format!("<!-- -->{}", good())),
            ("a set before a page", format!("{}{PAGE}", good())),
            ("a page as a JSON string", Value::from(PAGE).to_string()),
        ] {
            item.document(name, document, self.probe());
        }
    }

    fn empty(&self, item: &mut KeySetItem<'_>) {
        let elsewhere = json!({ "keys": [], "jwks_uri": self.world.elsewhere }).to_string();
        for (name, document) in [
            ("nothing", ""),
            ("a space", " "),
            ("line ends", "\r\n\r\n"),
            ("an empty object", "{}"),
            ("an empty set", r#"{"keys":[]}"#),
            ("keys an object", r#"{"keys":{}}"#),
            ("an empty list", "[]"),
            ("a set of an empty key", r#"{"keys":[{}]}"#),
            ("an empty set that points elsewhere", &elsewhere),
            ("a set without the name", &good().replacen("keys", "key", 1)),
        ] {
            item.document(name, document, self.probe());
        }
        item.fault("204", Fault::Status(204), self.probe());
    }

    fn null(&self, item: &mut KeySetItem<'_>) {
        for (name, document) in [
            ("null", "null"),
            ("keys null", r#"{"keys":null}"#),
            ("a list of null", r#"{"keys":[null]}"#),
            ("null as a string", r#""null""#),
            ("keys the string null", r#"{"keys":"null"}"#),
            (
                "a hundred nulls",
                &json!({ "keys": vec![Value::Null; 100] }).to_string(),
            ),
        ] {
            item.document(name, document, self.probe());
        }
        let among = set([Value::Null, base(), Value::Null, fresh().public_jwk()]);
        item.document("null among keys", among, self.probe());
        for member in ["kty", "crv", "x", "y"] {
            let document = set([base(), fresh_with(member, Value::Null)]);
            item.document(format!("{member} null"), document, self.probe());
        }
    }

    fn truncated(&self, item: &mut KeySetItem<'_>) {
        let good = good();
        let length = good.len();
        for (name, end) in [
            ("after one byte", 1),
            ("after a quarter", length / 4),
            ("after half", length / 2),
            ("after three quarters", length / 4 * 3),
            ("before the last two bytes", length - 2),
            ("before the last byte", length - 1),
        ] {
            item.document(name, &good[..end], self.probe());
        }
        let lying = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{}",
            &good[..length - 1]
        );
        item.served(
            "before the length promised",
            super::Served::Script(Script::Answer(lying.into_bytes())),
            self.probe(),
        );
    }

    fn huge(&self, item: &mut KeySetItem<'_>) {
        let padded = |length: usize| format!("{}{}", good(), " ".repeat(length - good().len()));
        item.document("as large as allowed", padded(LARGEST), self.probe());
        item.document("one byte too many", padded(LARGEST + 1), self.probe());
        item.document("a megabyte of spaces", padded(1024 * 1024), self.probe());
        let long = "x".repeat(300 * 1024);
        let key = fresh_with("padding", long.clone().into());
        item.document("a long member of a key", set([base(), key]), self.probe());
        let modulus = json!({ "kty": "RSA", "n": long, "e": "AQAB" });
        item.document(
            "a long modulus",
            set([base(), fresh().public_jwk(), modulus]),
            self.probe(),
        );
        for megabytes in [1, 16] {
            let bytes = megabytes * 1024 * 1024;
            item.fault(
                format!("{megabytes} MiB, streamed"),
                Fault::Huge { bytes },
                self.probe(),
            );
        }
        let promised = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n{}",
            good()
        );
        item.served(
            "a hundred gigabytes promised",
            super::Served::Script(Script::Answer(promised.into_bytes())),
            self.probe(),
        );
    }

    fn a_thousand_keys(&self, item: &mut KeySetItem<'_>) {
        let ours = || [base(), fresh().public_jwk()];
        let among = |others: Vec<Value>| set(others.into_iter().chain(ours()));
        item.document("a thousand usable", among(STRANGERS.clone()), self.probe());
        item.document("65 usable", among(STRANGERS[..63].to_vec()), self.probe());
        item.document("64 usable", among(STRANGERS[..62].to_vec()), self.probe());
        item.document(
            "a thousand empty",
            among(vec![json!({}); 1_000]),
            self.probe(),
        );
        item.document(
            "a thousand copies",
            among(vec![fresh().public_jwk(); 1_000]),
            self.probe(),
        );
        let changed = |member: &str, value: Value| {
            let change = |mut jwk: Value| {
                jwk[member] = value.clone();
                without(jwk, "alg")
            };
            among(STRANGERS.iter().cloned().map(change).collect())
        };
        item.document(
            "a thousand for encryption",
            changed("use", "enc".into()),
            self.probe(),
        );
        item.document("a thousand broken", changed("x", "AA".into()), self.probe());
        let secret = json!({ "kty": "oct", "k": "c2VjcmV0" });
        item.document(
            "a thousand secrets",
            among(vec![secret; 1_000]),
            self.probe(),
        );
        item.document(
            "a thousand under one kid",
            changed("kid", "new".into()),
            self.probe(),
        );
    }
}
