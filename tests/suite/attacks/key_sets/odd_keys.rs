//! Key sets with unusual keys: private, duplicated, without `kid`, or without `alg`.

use portcullis_test::SigningAlgorithm::{
    self, ES256, ES384, ES512, EdDSA, HS256, PS256, PS512, RS256,
};
use portcullis_test::TestKey;
use serde_json::{Value, json};

use super::{KeySetCases, KeySetItem, STRANGERS, base, fresh, fresh_with, set, with_kid, without};
use crate::attacks::forge;
use crate::attacks::world::World;

const CLASS: &str = "JWKS";

pub(super) fn cases(world: &World, cases: &mut KeySetCases) {
    let keys = OddKeys { world };
    keys.private(&mut cases.item(CLASS, "private"));
    keys.duplicated(&mut cases.item(CLASS, "duplicated"));
    keys.without_kid(&mut cases.item(CLASS, "without kid"));
    keys.without_alg(&mut cases.item(CLASS, "without alg"));
    keys.tolerated(&mut cases.item(CLASS, "tolerated"));
    keys.reserved_members(&mut cases.item(CLASS, "reserved members"));
}

struct OddKeys<'w> {
    world: &'w World,
}

impl OddKeys<'_> {
    fn probe(&self) -> String {
        self.world.token_by(&fresh()).mint()
    }

    fn unnamed_probe(&self) -> String {
        self.world.token_by(&fresh().without_kid()).mint()
    }

    fn private(&self, item: &mut KeySetItem<'_>) {
        for algorithm in [ES256, ES384, ES512, EdDSA, RS256, PS256] {
            let key = TestKey::shared(algorithm, 4).with_kid("new");
            let document = set([base(), key.private_jwk()]);
            item.document(
                format!("{algorithm}"),
                document,
                self.world.token_by(&key).mint(),
            );
        }
        let secret = TestKey::hmac(HS256, "a secret that the issuer published").with_kid("new");
        let document = set([base(), secret.public_jwk()]);
        item.document("a secret", document, self.world.token_by(&secret).mint());
        let wrong = fresh_with("d", json!(["not even text"]));
        item.document(
            "a private member of the wrong type",
            set([base(), wrong]),
            self.probe(),
        );
    }

    fn duplicated(&self, item: &mut KeySetItem<'_>) {
        let (new, strangers) = (fresh().public_jwk(), &STRANGERS);
        let renamed = |index: usize| with_kid(STRANGERS[index].clone(), "new");
        item.document(
            "the same key twice",
            set([base(), new.clone(), new.clone()]),
            self.probe(),
        );
        let other = with_kid(new.clone(), "other");
        item.document(
            "the same key under two kids",
            set([base(), other, new.clone()]),
            self.probe(),
        );
        item.document(
            "two keys of one kid, ours first",
            set([base(), new.clone(), renamed(0)]),
            self.probe(),
        );
        item.document(
            "two keys of one kid, ours last",
            set([base(), renamed(0), new.clone()]),
            self.probe(),
        );
        for before in [3, 4] {
            let others = (0..before).map(renamed);
            let document = set([base()].into_iter().chain(others).chain([new.clone()]));
            item.document(
                format!("ours after {before} of one kid"),
                document,
                self.probe(),
            );
        }
        let unmarked = without(new.clone(), "alg");
        item.document(
            "once with alg, once without",
            set([base(), unmarked, new.clone()]),
            self.probe(),
        );
        let taken = with_kid(new.clone(), "es256");
        item.document(
            "the kid of a key in use",
            set([base(), taken]),
            self.world.token_by(&fresh().with_kid("es256")).mint(),
        );
        let text = new.to_string();
        for member in [
            r#""kid":"new""#,
            r#""kty":"EC""#,
            r#""\u006bid":"new""#,
            r#""x":1,"x":2"#,
        ] {
            let twice = text.replacen('{', &format!("{{{member},"), 1);
            let document = format!(r#"{{"keys":[{},{twice}]}}"#, base());
            item.document(format!("a member twice, {member}"), document, self.probe());
        }
        let document = format!(
            r#"{{"keys":[{}],"keys":[{text},{}]}}"#,
            strangers[0],
            base()
        );
        item.document("keys twice", document, self.probe());
    }

    fn without_kid(&self, item: &mut KeySetItem<'_>) {
        let unnamed = || without(fresh().public_jwk(), "kid");
        let strangers = |count: usize| {
            STRANGERS[..count]
                .iter()
                .cloned()
                .map(|jwk| without(jwk, "kid"))
        };
        item.document(
            "the new key, its token without kid",
            set([base(), unnamed()]),
            self.unnamed_probe(),
        );
        item.document(
            "the new key, its token with kid",
            set([base(), unnamed()]),
            self.probe(),
        );
        let named = set([base(), fresh().public_jwk()]);
        item.document("only the token", named, self.unnamed_probe());
        for before in [3, 4] {
            let document = || {
                set([base()]
                    .into_iter()
                    .chain(strangers(before))
                    .chain([unnamed()]))
            };
            item.document(
                format!("after {before} strangers, the token with kid"),
                document(),
                self.probe(),
            );
        }
        for before in [2, 3] {
            let document = set([base()]
                .into_iter()
                .chain(strangers(before))
                .chain([unnamed()]));
            item.document(
                format!("after {before} strangers, the token without kid"),
                document,
                self.unnamed_probe(),
            );
        }
        for (name, kid) in [
            ("null", Value::Null),
            ("a number", json!(1)),
            ("a list", json!(["new"])),
            ("in upper case", json!("NEW")),
            ("257 octets", json!("k".repeat(257))),
        ] {
            item.document(
                format!("kid {name}"),
                set([base(), fresh_with("kid", kid)]),
                self.probe(),
            );
        }
        let empty = self.world.token_by(&fresh().with_kid("")).mint();
        item.document(
            "kid empty in both",
            set([base(), fresh_with("kid", json!(""))]),
            empty,
        );
    }

    fn without_alg(&self, item: &mut KeySetItem<'_>) {
        let unmarked = |algorithm: SigningAlgorithm| {
            let key = TestKey::shared(algorithm, 4).with_kid("new");
            (set([base(), without(key.public_jwk(), "alg")]), key)
        };
        for algorithm in [ES256, ES384, ES512, EdDSA, RS256, PS256, PS512] {
            let (document, key) = unmarked(algorithm);
            item.document(
                format!("{algorithm}"),
                document,
                self.world.token_by(&key).mint(),
            );
        }
        let (document, key) = unmarked(RS256);
        let modulus = key.public_jwk()["n"]
            .as_str()
            .map(forge::decode)
            .expect("a modulus");
        let keyed = TestKey::hmac(HS256, modulus).with_kid("new");
        item.document(
            "RS256, keyed as HS256",
            document,
            self.world.token_by(&keyed).mint(),
        );
        for (name, alg) in [
            ("null", Value::Null),
            ("empty", json!("")),
            ("none", json!("none")),
            ("in lower case", json!("es256")),
            ("a list", json!(["ES256"])),
            ("of another kind of key", json!("RS256")),
            ("of another curve", json!("ES384")),
            ("symmetric", json!("HS256")),
            ("for encryption", json!("ECDH-ES")),
        ] {
            item.document(
                format!("alg {name}"),
                set([base(), fresh_with("alg", alg)]),
                self.probe(),
            );
        }
    }

    /// Mistakes that leave no doubt about the key.
    fn tolerated(&self, item: &mut KeySetItem<'_>) {
        let x = fresh().public_jwk()["x"].as_str().expect("text").to_owned();
        let with_zeros = forge::encode([&[0; 2][..], &forge::decode(&x)].concat());
        let standard = x.replace('-', "+").replace('_', "/");
        for (name, member, value) in [
            ("a padded coordinate", "x", json!(format!("{x}="))),
            ("a coordinate in standard Base64", "x", json!(standard)),
            ("a coordinate with zeros in front", "x", json!(with_zeros)),
            ("key_ops empty", "key_ops", json!([])),
            ("key_ops null", "key_ops", Value::Null),
            ("use null", "use", Value::Null),
        ] {
            let document = set([base(), fresh_with(member, value)]);
            item.document(name, document, self.probe());
        }
        let good = set([base(), fresh().public_jwk()]);
        let marked = [b"\xef\xbb\xbf".to_vec(), good].concat();
        item.document("a byte order mark", marked, self.probe());
        for (name, x) in [
            ("white space in a coordinate", format!(" {x}")),
            ("too much padding", format!("{x}==")),
            (
                "a coordinate that is longer",
                forge::encode([&[1][..], &forge::decode(&x)].concat()),
            ),
            (
                "a coordinate two octets short",
                forge::encode(&forge::decode(&x)[2..]),
            ),
        ] {
            let document = set([base(), fresh_with("x", json!(x))]);
            item.document(name, document, self.probe());
        }
    }

    fn reserved_members(&self, item: &mut KeySetItem<'_>) {
        for name in ["Number", "RawValue"] {
            let member = format!("$serde_json::private::{name}");
            let key = fresh_with(&member, json!("1"));
            item.document(format!("{name} in a key"), set([base(), key]), self.probe());
            let key = fresh_with("x5t", json!({ &*member: "1" }));
            item.document(format!("{name} inside"), set([base(), key]), self.probe());
            let mut document = json!({ "keys": [base(), fresh().public_jwk()] });
            document[&member] = json!("1");
            let document = document.to_string();
            item.document(format!("{name} in the set"), document, self.probe());
        }
    }
}
