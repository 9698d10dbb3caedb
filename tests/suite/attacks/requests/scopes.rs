//! Scopes that resemble `orders:read`.

use serde_json::{Value, json};

use crate::attacks::case::Cases;
use crate::attacks::world::{READ, World};

const CLASS: &str = "scope lookalikes";

pub(super) fn cases(world: &World, cases: &mut Cases) {
    let lookalikes: [(&str, &[&str]); 4] = [
        (
            "substring",
            &[
                "xorders:read",
                "orders:readx",
                "orders:read-only",
                "orders:readonly",
                "reorders:read:all",
                "read",
                "orders",
                "rders:rea",
                "orders:readx xorders:read",
            ],
        ),
        (
            "prefix",
            &[
                "orders:",
                "orders:r",
                "orders:rea",
                "o",
                "orders:*",
                "*",
                "orders:read:all",
                "orders:read/1",
                "orders.read",
            ],
        ),
        (
            "case",
            &[
                "Orders:Read",
                "ORDERS:READ",
                "orders:Read",
                "orders:reaD",
                "oRDERS:rEAD",
                "orders:\u{17f}read",
            ],
        ),
        (
            "odd separators",
            &[
                "a,orders:read",
                "orders:read,b",
                "a;orders:read",
                "a\torders:read",
                "a\norders:read",
                "a\r\norders:read",
                "a\u{a0}orders:read",
                "a\u{2003}orders:read",
                "a\u{3000}orders:read",
                "a+orders:read",
                "a%20orders:read",
                "a|orders:read",
                "orders:read\0",
                "\u{b}orders:read",
                "\"orders:read\"",
                "orders\\:read",
                "orders:read\u{200b}",
                "[\"orders:read\"]",
            ],
        ),
    ];
    for (item, scopes) in lookalikes {
        let mut item = cases.item(CLASS, item);
        for scope in scopes {
            let name = scope.escape_default();
            item.token(format!("{name}"), world.token().scope(scope).mint());
            item.token(
                format!("{name}, in a list"),
                world.token().claim("scope", json!([scope])).mint(),
            );
        }
    }
    let mut item = cases.item(CLASS, "odd separators");
    let values: [(&str, Value); 8] = [
        ("a list whose item has a space", json!(["a orders:read"])),
        ("a list in a list", json!([[READ]])),
        ("an object", json!({ READ: true })),
        ("an object in a list", json!([{ "scope": READ }])),
        ("true", json!(true)),
        ("null", Value::Null),
        ("an empty string", json!("")),
        ("only spaces", json!("   ")),
    ];
    for (name, value) in values {
        item.token(name, world.token().claim("scope", value).mint());
    }
    item.token(
        "an empty scope beside scp",
        world.token().scope("").claim("scp", READ).mint(),
    );
    item.token(
        "under the name Scope",
        world
            .token()
            .without_claim("scope")
            .claim("Scope", READ)
            .mint(),
    );
    item.token(
        "in the header",
        world
            .token()
            .without_claim("scope")
            .header("scope", READ)
            .mint(),
    );
    item.token("none at all", world.token().without_claim("scope").mint());
}
