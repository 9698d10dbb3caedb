//! Times that overflow, are in milliseconds, or are strings.

use portcullis_test::TokenBuilder;
use serde_json::{Value, json};

use crate::attacks::case::{Cases, Item};
use crate::attacks::forge;
use crate::attacks::world::World;

const CLASS: &str = "times";
const CLAIMS: [&str; 3] = ["exp", "iat", "nbf"];

pub(super) fn cases(world: &World, cases: &mut Cases) {
    overflow(world, &mut cases.item(CLASS, "overflow"));
    milliseconds(world, &mut cases.item(CLASS, "milliseconds"));
    strings(world, &mut cases.item(CLASS, "strings"));
}

fn overflow(world: &World, item: &mut Item<'_>) {
    for number in [
        "253402300800",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "1e19",
        "1e300",
        "-1",
        "-0.5",
        "-9223372036854775809",
        "-1e300",
    ] {
        for claim in CLAIMS {
            item.token(
                format!("{claim} {number}"),
                with_number(world, claim, number),
            );
        }
    }
    item.token("exp 0", with_number(world, "exp", "0"));
    item.token("exp 1e-300", with_number(world, "exp", "1e-300"));
    item.token(
        "exp a year away",
        with_number(
            world,
            "exp",
            &(world.now.as_secs() + 365 * 86_400).to_string(),
        ),
    );
}

fn milliseconds(world: &World, item: &mut Item<'_>) {
    let now = world.now.as_secs();
    for (unit, factor) in [
        ("milli", 1_000),
        ("micro", 1_000_000),
        ("nano", 1_000_000_000),
    ] {
        for claim in CLAIMS {
            let at = if claim == "exp" { now + 300 } else { now };
            let token = world.token().claim(claim, at.saturating_mul(factor));
            item.token(format!("{claim} in {unit}seconds"), token.mint());
        }
        let all = world
            .token()
            .claim("exp", (now + 300).saturating_mul(factor))
            .claim("iat", now.saturating_mul(factor))
            .claim("nbf", now.saturating_mul(factor));
        item.token(format!("all in {unit}seconds"), all.mint());
    }
}

fn strings(world: &World, item: &mut Item<'_>) {
    let now = world.now.as_secs();
    for claim in CLAIMS {
        let at = if claim == "exp" { now + 300 } else { now };
        let values: [(&str, Value); 13] = [
            (
                "an object that serde_json reads as a number",
                json!({ "$serde_json::private::Number": at.to_string() }),
            ),
            ("the number as a string", json!(at.to_string())),
            ("a string with a space", json!(format!(" {at}"))),
            ("a string in hexadecimal", json!(format!("0x{at:x}"))),
            ("a date", json!("2030-01-01T00:00:00Z")),
            ("an HTTP date", json!("Tue, 01 Jan 2030 00:00:00 GMT")),
            ("the string NaN", json!("NaN")),
            ("an empty string", json!("")),
            ("null", Value::Null),
            ("true", json!(true)),
            ("a list", json!([at])),
            ("an object", json!({ "seconds": at })),
            ("the string never", json!("never")),
        ];
        for (name, value) in values {
            item.token(
                format!("{claim} {name}"),
                world.token().claim(claim, value).mint(),
            );
        }
    }
}

/// A token in which a time is this number, digit by digit.
fn with_number(world: &World, claim: &str, number: &str) -> String {
    let token: TokenBuilder = world.token().without_claim(claim);
    let payload = forge::payload(&token);
    let payload = format!(
        "{},\"{claim}\":{number}}}",
        payload.strip_suffix('}').expect("an object")
    );
    token.raw_payload(payload).mint()
}
