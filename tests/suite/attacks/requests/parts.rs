//! Tokens that do not have three parts.

use serde_json::json;

use crate::attacks::case::Cases;
use crate::attacks::forge;
use crate::attacks::world::World;

const CLASS: &str = "number of parts";

pub(super) fn cases(world: &World, cases: &mut Cases) {
    wrong_number(world, cases);
    thousands_of_dots(world, cases);
}

fn wrong_number(world: &World, cases: &mut Cases) {
    let mut item = cases.item(CLASS, "wrong number of parts");
    let good = world.token().mint();
    let [header, payload, signature] = forge::parts(&good);
    item.token("one", "token");
    item.token("one, of a good token's length", good.replace('.', "A"));
    item.token("two", format!("{header}.{payload}"));
    item.token("two, header and signature", format!("{header}.{signature}"));
    item.token("three, all empty", "..");
    item.token("three, no header", format!(".{payload}.{signature}"));
    item.token("three, no payload", format!("{header}..{signature}"));
    item.token("three, no signature", format!("{header}.{payload}."));
    item.token("four, the last empty", format!("{good}."));
    item.token("four, the first empty", format!(".{good}"));
    item.token("four", format!("{good}.{signature}"));
    let encrypted = forge::encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM","kid":"rs256"}"#);
    item.token(
        "five, encrypted",
        format!("{encrypted}.AAAA.AAAA.AAAA.AAAA"),
    );
    item.token("five, all empty", "....");
    item.token(
        "five, a good token at the start",
        format!("{good}.AAAA.AAAA"),
    );
    item.token(
        "three, with enc",
        forge::with_header(
            &world.token(),
            r#"{"alg":"ES256","enc":"A256GCM","kid":"es256","typ":"at+jwt"}"#,
            &crate::attacks::world::key(portcullis_test::SigningAlgorithm::ES256),
        ),
    );
    item.token("six", format!("{good}.{good}"));
    item.token("a good token in a token", {
        let nested = world.token().header("cty", "JWT").raw_payload(good.clone());
        nested.mint()
    });
    let flattened = json!({ "payload": payload, "protected": header, "signature": signature });
    item.token("JSON serialisation", flattened.to_string());
    item.token(
        "JSON serialisation, encoded",
        forge::encode(flattened.to_string()),
    );
    item.token("two good tokens", format!("{good} {good}"));
}

fn thousands_of_dots(world: &World, cases: &mut Cases) {
    let mut item = cases.item(CLASS, "thousands of dots");
    let good = world.token().mint();
    for count in [1_000, 5_000, 8_191, 8_192, 8_193, 60_000] {
        item.token(format!("{count}"), ".".repeat(count));
    }
    item.token("4000 between letters", "a.".repeat(4_000));
    item.token(
        "4000 after a good token",
        format!("{good}{}", ".".repeat(4_000)),
    );
    item.token(
        "4000 before a good token",
        format!("{}{good}", ".".repeat(4_000)),
    );
    item.token(
        "4000 within a good token",
        good.replacen('.', &".".repeat(4_000), 1),
    );
}
