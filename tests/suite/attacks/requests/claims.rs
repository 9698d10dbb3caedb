//! Issuers and audiences that resemble the right ones, in tokens with valid signatures.

use serde_json::{Value, json};

use crate::attacks::case::Cases;
use crate::attacks::world::{AUDIENCE, ISSUER, World};

const ISSUER_CLASS: &str = "issuer lookalikes";
const AUDIENCE_CLASS: &str = "audience lookalikes";

pub(super) fn cases(world: &World, cases: &mut Cases) {
    issuers(world, cases);
    audiences(world, cases);
}

fn issuers(world: &World, cases: &mut Cases) {
    let host = "issuer.example.com";
    let replaced = |by: &str| ISSUER.replace(host, by);
    let lookalikes: [(&str, Vec<String>); 5] = [
        (
            "suffix",
            vec![
                format!("{ISSUER}.evil.example"),
                format!("{ISSUER}-2"),
                format!("{ISSUER}/users"),
                format!("{ISSUER}?x=1"),
                format!("{ISSUER}#x"),
                format!("{ISSUER}@evil.example"),
                format!("https://evil.example/{ISSUER}"),
                replaced("evil-issuer.example.com"),
                replaced("issuer.example.com.evil.example"),
                replaced("example.com"),
                "https://issuer.example.com".to_owned(),
                "issuer.example.com/tenant".to_owned(),
                format!("{ISSUER}\0"),
                format!(" {ISSUER}"),
                format!("{ISSUER} "),
                format!("{ISSUER}\r\n"),
            ],
        ),
        (
            "case",
            vec![
                ISSUER.to_uppercase(),
                ISSUER.replace("https", "HTTPS"),
                ISSUER.replace("https", "Https"),
                replaced("Issuer.example.com"),
                replaced("ISSUER.EXAMPLE.COM"),
                ISSUER.replace("tenant", "Tenant"),
                ISSUER.replace("tenant", "TENANT"),
            ],
        ),
        (
            "port",
            ["443", "80", "8443", "0", "", "0443", "65979"]
                .map(|port| replaced(&format!("{host}:{port}")))
                .into(),
        ),
        (
            "trailing slash",
            ["/", "//", "/.", "/./", "/../tenant", "%2f", "/?", "\\"]
                .map(|end| format!("{ISSUER}{end}"))
                .into(),
        ),
        (
            "homograph",
            vec![
                replaced("\u{456}ssuer.example.com"),
                replaced("issuer.ex\u{430}mple.com"),
                replaced("issuer\u{ff0e}example\u{ff0e}com"),
                replaced("issuer\u{3002}example.com"),
                replaced("issu\u{200b}er.example.com"),
                replaced("issuer.example.c\u{43e}m"),
                replaced("xn--ssuer-2vf.example.com"),
                ISSUER.replace('/', "\u{2215}"),
                format!("\u{feff}{ISSUER}"),
                ISSUER.replace("tenant", "te\u{ad}nant"),
            ],
        ),
    ];
    for (item, lookalikes) in lookalikes {
        let mut item = cases.item(ISSUER_CLASS, item);
        for issuer in lookalikes {
            item.token(
                issuer.escape_default().to_string(),
                world.token().claim("iss", issuer).mint(),
            );
        }
    }
    let mut item = cases.item(ISSUER_CLASS, "array");
    let values: [(&str, Value); 9] = [
        ("the issuer alone", json!([ISSUER])),
        ("the issuer first", json!([ISSUER, "https://evil.example"])),
        ("the issuer last", json!(["https://evil.example", ISSUER])),
        ("nested", json!([[ISSUER]])),
        ("empty", json!([])),
        ("an object instead", json!({ "0": ISSUER })),
        ("null instead", Value::Null),
        ("a number instead", json!(0)),
        ("true instead", json!(true)),
    ];
    for (name, value) in values {
        item.token(name, world.token().claim("iss", value).mint());
    }
    item.token("absent instead", world.token().without_claim("iss").mint());
}

fn audiences(world: &World, cases: &mut Cases) {
    let mut item = cases.item(AUDIENCE_CLASS, "prefix");
    for audience in [
        "https://orders.example.co",
        "https://orders.example.com.evil.example",
        "https://orders.example.com/",
        "https://orders.example.com/v2",
        "https://orders.example.com:443",
        "https://orders",
        "https://",
        "h",
        "orders.example.com",
        "*",
        ".*",
        "https://*.example.com",
        "https://ORDERS.example.com",
        "https://orders.example.com https://billing.example.com",
        "https://orders.example.com,https://billing.example.com",
        " https://orders.example.com",
        "https://orders.example.com\0",
    ] {
        let name = audience.escape_default();
        item.token(format!("{name}"), world.token().audience(audience).mint());
        item.token(
            format!("{name}, in a list"),
            world.token().claim("aud", json!([audience])).mint(),
        );
    }

    let mut item = cases.item(AUDIENCE_CLASS, "nested");
    let values: [(&str, Value); 8] = [
        ("a list in a list", json!([[AUDIENCE]])),
        ("a list beside another audience", json!(["x", [AUDIENCE]])),
        ("an object", json!({ "aud": AUDIENCE })),
        (
            "an object with the audience as name",
            json!({ AUDIENCE: true }),
        ),
        ("an object in a list", json!([{ "aud": AUDIENCE }])),
        ("ours beside a number", json!([AUDIENCE, 1])),
        ("ours beside null", json!([AUDIENCE, null])),
        ("JSON in a string", json!(format!("[\"{AUDIENCE}\"]"))),
    ];
    for (name, value) in values {
        item.token(name, world.token().claim("aud", value).mint());
    }

    let mut item = cases.item(AUDIENCE_CLASS, "absent");
    let token = world.token().without_claim("aud");
    item.token("no aud", token.mint());
    let values: [(&str, Value); 6] = [
        ("null", Value::Null),
        ("an empty string", json!("")),
        ("an empty list", json!([])),
        ("an empty string in a list", json!([""])),
        ("an empty object", json!({})),
        ("false", json!(false)),
    ];
    for (name, value) in values {
        item.token(name, token.clone().claim("aud", value).mint());
    }
    for name in ["Aud", "audience", "azp", "resource", "aud "] {
        item.token(
            format!("under the name {name:?}"),
            token.clone().claim(name, AUDIENCE).mint(),
        );
    }
    item.token("in the header", token.header("aud", AUDIENCE).mint());
}
