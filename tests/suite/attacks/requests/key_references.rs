//! Keys in the token, URLs of keys in the token, and hostile `kid`s.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_test::SigningAlgorithm::{ES256, EdDSA, HS256, RS256};
use portcullis_test::TestKey;
use serde_json::{Value, json};

use crate::attacks::case::Cases;
use crate::attacks::world::{World, key, stranger};

const HEADER_KEYS: &str = "embedded or remote keys in the header";
const KID: &str = "hostile kid";

pub(super) fn cases(world: &World, cases: &mut Cases) {
    embedded(world, cases);
    remote(world, cases);
    traversal(world, cases);
    sql(world, cases);
    line_ends(world, cases);
    six_kilobytes(world, cases);
    wrong_type(world, cases);
}

fn embedded(world: &World, cases: &mut Cases) {
    let mut item = cases.item(HEADER_KEYS, "embedded");
    for algorithm in [ES256, EdDSA, RS256] {
        let mine = stranger(algorithm);
        let published = algorithm.as_str().to_lowercase();
        let jwk = mine.public_jwk();
        let mut renamed = jwk.clone();
        renamed["kid"] = published.clone().into();
        let certificate = json!([STANDARD.encode(mine.public_der())]);
        let forged = |kid: Option<&str>, member: &str, value: &Value| {
            let token = world.token_by(&mine).header(member, value.clone());
            match kid {
                Some(kid) => token.kid(kid).mint(),
                None => token.without_header("kid").mint(),
            }
        };
        let own = mine.kid();
        item.token(
            format!("{algorithm}, jwk, no kid"),
            forged(None, "jwk", &jwk),
        );
        item.token(
            format!("{algorithm}, jwk, its own kid"),
            forged(own, "jwk", &jwk),
        );
        item.token(
            format!("{algorithm}, jwk, a published kid"),
            forged(Some(&published), "jwk", &renamed),
        );
        item.token(
            format!("{algorithm}, x5c, no kid"),
            forged(None, "x5c", &certificate),
        );
        item.token(
            format!("{algorithm}, x5c, a published kid"),
            forged(Some(&published), "x5c", &certificate),
        );
        item.token(
            format!("{algorithm}, jwks, its own kid"),
            forged(own, "jwks", &json!({ "keys": [jwk] })),
        );
    }
    let secret = TestKey::hmac(HS256, "a secret that the attacker made up");
    let symmetric = world.token_by(&secret).header("jwk", secret.public_jwk());
    item.token("HS256, a symmetric jwk", symmetric.mint());
    let key_in_kid = world
        .token_by(&stranger(EdDSA))
        .kid(&stranger(EdDSA).public_jwk().to_string());
    item.token("EdDSA, the jwk as kid", key_in_kid.mint());
}

fn remote(world: &World, cases: &mut Cases) {
    let mut item = cases.item(HEADER_KEYS, "remote");
    let mine = stranger(ES256);
    let jwks = format!("{}/jwks.json", world.elsewhere);
    let pem = format!("{}/cert.pem", world.elsewhere);
    let authority = world.elsewhere.trim_start_matches("http://");
    let locations = [
        ("jku", "jku", jwks.clone()),
        ("x5u", "x5u", pem),
        (
            "jku with the issuer as user name",
            "jku",
            format!("http://issuer.example.com@{authority}/jwks"),
        ),
        (
            "jku with the issuer in the query",
            "jku",
            format!("{jwks}?https://issuer.example.com/tenant"),
        ),
        (
            "jku with the issuer as fragment",
            "jku",
            format!("{jwks}#https://issuer.example.com/tenant"),
        ),
        ("jku of a file", "jku", "file:///etc/passwd".to_owned()),
        (
            "jku with its data",
            "jku",
            "data:application/json,%7B%22keys%22%3A%5B%5D%7D".to_owned(),
        ),
        (
            "jku of the cloud's metadata",
            "jku",
            "http://169.254.169.254/latest/meta-data/".to_owned(),
        ),
        ("url", "url", jwks.clone()),
        ("jwks_uri", "jwks_uri", jwks.clone()),
    ];
    for (name, member, location) in locations {
        let token = world.token_by(&mine).header(member, location);
        item.token(format!("{name}, its own kid"), token.clone().mint());
        item.token(
            format!("{name}, a published kid"),
            token.clone().kid("es256").mint(),
        );
        item.token(
            format!("{name}, no kid"),
            token.without_header("kid").mint(),
        );
    }
    item.token("the URL as kid", world.token_by(&mine).kid(&jwks).mint());
    let list = world.token_by(&mine).header("jku", json!([jwks]));
    item.token("jku as a list", list.mint());
    let crit = world
        .token_by(&mine)
        .header("jku", jwks)
        .header("crit", json!(["jku"]));
    item.token("jku marked critical", crit.mint());
}

fn traversal(world: &World, cases: &mut Cases) {
    let mut item = cases.item(KID, "traversal");
    for kid in [
        "../../../../dev/null",
        "/dev/null",
        "/etc/passwd",
        "file:///dev/null",
        "..%2f..%2fdev%2fnull",
        "..\\..\\windows\\win.ini",
        "./es256",
        "es256/../es256",
        "es256\0.pem",
        "/proc/self/environ",
        "|/bin/true",
        "$(id)",
    ] {
        let name = kid.escape_default();
        let stranger = world.token_by(&stranger(ES256)).kid(kid);
        item.token(format!("{name}, a stranger's signature"), stranger.mint());
        // The content of an empty or well-known file.
        let empty = world.token_by(&TestKey::hmac(HS256, "")).kid(kid);
        item.token(format!("{name}, HS256 keyed with nothing"), empty.mint());
    }
}

fn sql(world: &World, cases: &mut Cases) {
    let mut item = cases.item(KID, "SQL");
    for kid in [
        "' OR '1'='1",
        "x' UNION SELECT 'secret' -- ",
        "es256' -- ",
        "es256'/*",
        "\"; DROP TABLE keys; --",
        "es256' AND sleep(5) AND '1'='1",
        "1; SELECT pg_sleep(5)",
        "%",
        "es25_",
        "{\"$ne\": null}",
    ] {
        item.token(kid, world.token_by(&stranger(ES256)).kid(kid).mint());
        let keyed = world.token_by(&TestKey::hmac(HS256, "secret")).kid(kid);
        item.token(format!("{kid}, HS256 keyed with secret"), keyed.mint());
    }
}

fn line_ends(world: &World, cases: &mut Cases) {
    let mut item = cases.item(KID, "CR/LF");
    for kid in [
        "es256\r\nX-Injected: yes",
        "es256\r\n\r\n<html>injected</html>",
        "es256\n",
        "\r\nes256",
        "es256\r",
        "es256\u{2028}injected",
        "es256\u{85}injected",
        "es256\u{b}injected",
        "\u{1b}[31minjected\u{1b}[0m",
        "es256\", error=\"injected",
        "es256\\\" injected",
    ] {
        let name = kid.escape_default();
        item.token(
            format!("{name}, a stranger's signature"),
            world.token_by(&stranger(ES256)).kid(kid).mint(),
        );
        item.token(
            format!("{name}, a published key's"),
            world.token().kid(kid).mint(),
        );
    }
}

fn six_kilobytes(world: &World, cases: &mut Cases) {
    const SIX: usize = 6 * 1024;
    let mut item = cases.item(KID, "six kilobytes");
    // A token may have 8 KiB, of which base64 takes a third, so the rest is short.
    let short = |kid: &str| {
        let header = json!({ "alg": "ES256", "kid": kid, "typ": "at+jwt" }).to_string();
        let payload = json!({ "iss": crate::attacks::world::ISSUER }).to_string();
        world.token().raw_header(header).raw_payload(payload).mint()
    };
    item.token("of A", short(&"A".repeat(SIX - 300)));
    item.token(
        "of the published kid",
        short(&"es256".repeat((SIX - 300) / 5)),
    );
    item.token("of traversals", short(&"../".repeat((SIX - 300) / 3)));
    item.token(
        "of four-byte characters",
        short(&"\u{1f5dd}".repeat((SIX - 300) / 4)),
    );
    item.token("of escapes", short(&"\u{1}".repeat((SIX - 300) / 6)));
    item.token(
        "and a token of more than eight",
        world.token().kid(&"A".repeat(SIX)).mint(),
    );
    item.token(
        "nearly three, a header as long as allowed",
        short(&"k".repeat(3_020)),
    );
    item.token("257 octets", world.token().kid(&"k".repeat(257)).mint());
    item.token(
        "256 octets",
        world
            .token_by(&stranger(ES256))
            .kid(&"k".repeat(256))
            .mint(),
    );
}

fn wrong_type(world: &World, cases: &mut Cases) {
    let mut item = cases.item(KID, "wrong type");
    let values: [(&str, Value); 9] = [
        ("null", Value::Null),
        ("true", json!(true)),
        ("0", json!(0)),
        ("1.5", json!(1.5)),
        ("-1", json!(-1)),
        ("a list", json!(["es256"])),
        ("an empty list", json!([])),
        ("an object", json!({ "kid": "es256" })),
        ("an empty object", json!({})),
    ];
    for (name, value) in values {
        item.token(
            name,
            world.token_by(&key(ES256)).header("kid", value).mint(),
        );
    }
}
