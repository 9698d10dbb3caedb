//! `alg` that is `none` in any spelling, absent, or of the wrong type.

use portcullis_test::SigningAlgorithm::ES256;
use serde_json::{Value, json};

use crate::attacks::case::Cases;
use crate::attacks::forge;
use crate::attacks::world::{World, key};

const CLASS: &str = "alg none, absent, wrong type";

pub(super) fn cases(world: &World, cases: &mut Cases) {
    in_any_spelling(world, cases);
    absent(world, cases);
    of_the_wrong_type(world, cases);
}

fn in_any_spelling(world: &World, cases: &mut Cases) {
    let mut item = cases.item(CLASS, "none in any spelling");
    for spelling in [
        "none",
        "None",
        "NONE",
        "nOnE",
        "none ",
        " none",
        "none\0",
        "n\u{3bf}ne",
        "no\u{200b}ne",
        "",
        "null",
        "HS256none",
        "no",
        "plain",
    ] {
        let token = world.token().alg(spelling).mint();
        let name = spelling.escape_default();
        item.token(
            format!("\"{name}\", no signature"),
            forge::with_signature(&token, ""),
        );
        item.token(format!("\"{name}\", with a signature"), token);
    }
    let escaped = r#"{"alg":"n\u006fne","kid":"es256","typ":"at+jwt"}"#;
    let escaped = forge::with_header(&world.token(), escaped, &key(ES256));
    item.token("escaped", forge::with_signature(&escaped, ""));
    let unnamed = world.token().alg("none").without_header("kid").mint();
    item.token(
        "neither signature nor kid",
        forge::with_signature(&unnamed, ""),
    );
    let filled = world.token().alg("none").mint();
    item.token(
        "a signature of one zero",
        forge::with_signature(&filled, [0]),
    );
}

fn absent(world: &World, cases: &mut Cases) {
    let mut item = cases.item(CLASS, "absent");
    let token = world.token().without_header("alg");
    item.token("no signature", forge::with_signature(&token.mint(), ""));
    item.token("with a signature", token.mint());
    item.token("only kid", token.clone().without_header("typ").mint());
    item.token(
        "an empty header",
        forge::with_header(&token, "{}", &key(ES256)),
    );
    for name in ["Alg", "ALG", "alg ", "algorithm", "enc_alg", "\u{430}lg"] {
        item.token(
            format!("under the name \"{}\"", name.escape_default()),
            token.clone().header(name, "ES256").mint(),
        );
    }
    let nested = json!({ "alg": "ES256", "kid": "es256" });
    item.token(
        "within another member",
        token.header("header", nested).mint(),
    );
}

fn of_the_wrong_type(world: &World, cases: &mut Cases) {
    let mut item = cases.item(CLASS, "wrong type");
    let values: [(&str, Value); 9] = [
        ("null", Value::Null),
        ("false", json!(false)),
        ("true", json!(true)),
        ("0", json!(0)),
        ("256", json!(256)),
        ("a fraction", json!(2.56)),
        ("a list", json!(["ES256"])),
        ("an empty list", json!([])),
        ("an object", json!({ "alg": "ES256" })),
    ];
    for (name, value) in values {
        let token = world.token().header("alg", value).mint();
        item.token(
            format!("{name}, no signature"),
            forge::with_signature(&token, ""),
        );
        item.token(format!("{name}, with a signature"), token);
    }
}
