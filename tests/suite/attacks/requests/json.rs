//! Headers and payloads that two parsers may read differently, all with valid signatures.

use portcullis_test::SigningAlgorithm::ES256;
use portcullis_test::TokenBuilder;

use crate::attacks::case::{Cases, Item};
use crate::attacks::forge;
use crate::attacks::world::{World, key};

const CLASS: &str = "JSON";

pub(super) fn cases(world: &World, cases: &mut Cases) {
    let json = Json::of(&world.token());
    non_object(&json, &mut cases.item(CLASS, "non-object JSON"));
    trailing_data(&json, &mut cases.item(CLASS, "trailing data"));
    comments(&json, &mut cases.item(CLASS, "comments"));
    nan(&json, &mut cases.item(CLASS, "NaN"));
    deep_nesting(&json, &mut cases.item(CLASS, "deep nesting"));
    lone_surrogates(&json, &mut cases.item(CLASS, "lone surrogates"));
    duplicate_members(&json, &mut cases.item(CLASS, "duplicate members"));
    reserved_members(&json, &mut cases.item(CLASS, "reserved members"));
}

/// The JSON texts of a valid token.
struct Json {
    token: TokenBuilder,
    header: String,
    payload: String,
}

impl Json {
    fn of(token: &TokenBuilder) -> Self {
        Self {
            token: token.clone(),
            header: forge::header(token),
            payload: forge::payload(token),
        }
    }

    fn with_header(&self, header: impl AsRef<[u8]>) -> String {
        forge::with_header(&self.token, header, &key(ES256))
    }

    fn with_payload(&self, payload: impl AsRef<[u8]>) -> String {
        self.token.clone().raw_payload(payload.as_ref()).mint()
    }

    /// The header with more members at its end.
    fn header_and(&self, members: &str) -> String {
        self.with_header(appended(&self.header, members))
    }

    /// The payload with more members at its end.
    fn payload_and(&self, members: &str) -> String {
        self.with_payload(appended(&self.payload, members))
    }

    /// One case for each part with more members.
    fn both_and(&self, item: &mut Item<'_>, name: &str, members: &str) {
        item.token(format!("{name}, header"), self.header_and(members));
        item.token(format!("{name}, payload"), self.payload_and(members));
    }

    /// One case for each part, changed as a whole.
    fn both(&self, item: &mut Item<'_>, name: &str, change: impl Fn(&str) -> Vec<u8>) {
        item.token(
            format!("{name}, header"),
            self.with_header(change(&self.header)),
        );
        item.token(
            format!("{name}, payload"),
            self.with_payload(change(&self.payload)),
        );
    }
}

fn appended(object: &str, members: &str) -> String {
    format!(
        "{},{members}}}",
        object.strip_suffix('}').expect("an object")
    )
}

fn non_object(json: &Json, item: &mut Item<'_>) {
    for text in [
        "[]", "\"text\"", "1", "null", "true", "", " ", "{", "es256", "[{}]",
    ] {
        let name = if text.trim().is_empty() {
            format!("{text:?}")
        } else {
            text.to_owned()
        };
        json.both(item, &name, |_| text.into());
    }
    json.both(item, "the object in a list", |good| {
        format!("[{good}]").into()
    });
    json.both(item, "the object as text", |good| {
        serde_json::Value::from(good).to_string().into()
    });
    json.both(item, "in UTF-16", |good| {
        good.encode_utf16().flat_map(u16::to_be_bytes).collect()
    });
    json.both(item, "after a byte order mark", |good| {
        format!("\u{feff}{good}").into()
    });
    json.both(item, "not UTF-8", |good| {
        let mut bytes = appended(good, "\"x\":\"?\"").into_bytes();
        let at = bytes.len() - 3;
        bytes[at] = 0xff;
        bytes
    });
}

fn trailing_data(json: &Json, item: &mut Item<'_>) {
    for trailing in [
        "x",
        "}",
        "{}",
        "]",
        ",",
        "\0",
        "null",
        " {\"iss\":\"x\"}",
        "\n\n1",
    ] {
        let name = format!("{trailing:?}");
        json.both(item, &name, |good| format!("{good}{trailing}").into());
    }
}

fn comments(json: &Json, item: &mut Item<'_>) {
    json.both(item, "block before", |good| format!("/**/{good}").into());
    json.both(item, "block after", |good| format!("{good}/**/").into());
    json.both(item, "block within", |good| {
        good.replacen('{', "{/* x */", 1).into()
    });
    json.both(item, "line after", |good| format!("{good}// x").into());
    json.both(item, "line within", |good| {
        good.replacen('{', "{// x\n", 1).into()
    });
    json.both(item, "hash before", |good| format!("# x\n{good}").into());
    json.both(item, "hiding a member", |good| {
        good.replacen(',', ",/*", 1).replacen(',', "*/,", 2).into()
    });
}

fn nan(json: &Json, item: &mut Item<'_>) {
    for number in [
        "NaN",
        "nan",
        "Infinity",
        "-Infinity",
        "1e999",
        "-1e999",
        "01",
        "+1",
        ".5",
        "0x10",
    ] {
        json.both_and(item, number, &format!("\"x\":{number}"));
    }
    let exp = |number: &str| {
        let without: TokenBuilder = json.token.clone().without_claim("exp");
        json.with_payload(appended(
            &forge::payload(&without),
            &format!("\"exp\":{number}"),
        ))
    };
    item.token("exp NaN", exp("NaN"));
    item.token("exp Infinity", exp("Infinity"));
    item.token("exp 1e999", exp("1e999"));
}

fn deep_nesting(json: &Json, item: &mut Item<'_>) {
    for depth in [20, 100, 200] {
        let lists = format!("\"x\":{}{}", "[".repeat(depth), "]".repeat(depth));
        json.both_and(item, &format!("{depth} lists"), &lists);
        let objects = format!("\"x\":{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        json.both_and(item, &format!("{depth} objects"), &objects);
    }
    item.token(
        "1250 lists, payload",
        json.payload_and(&format!("\"x\":{}{}", "[".repeat(1250), "]".repeat(1250))),
    );
    item.token(
        "3000 open lists, payload",
        json.payload_and(&format!("\"x\":{}", "[".repeat(3000))),
    );
    item.token(
        "1000 open lists, header",
        json.header_and(&format!("\"x\":{}", "[".repeat(1000))),
    );
    json.both(item, "only open lists", |_| "[".repeat(1000).into());
}

fn lone_surrogates(json: &Json, item: &mut Item<'_>) {
    for text in [
        r"\ud800",
        r"\udc00",
        r"\udc00\ud800",
        r"\ud800x",
        r"a\udfff",
        r"\ud83d\ud83d",
    ] {
        json.both_and(item, text, &format!("\"x\":\"{text}\""));
    }
    json.both_and(item, "in a name", r#""\ud800":1"#);
    json.both_and(item, "deep inside", r#""x":[{"y":"\ud800"}]"#);
    let without = json.token.clone().without_claim("sub");
    item.token(
        "in sub",
        json.with_payload(appended(&forge::payload(&without), r#""sub":"\ud800""#)),
    );
    let without = json.token.clone().without_header("kid");
    item.token(
        "in kid",
        json.with_header(appended(&forge::header(&without), r#""kid":"\ud800""#)),
    );
}

fn duplicate_members(json: &Json, item: &mut Item<'_>) {
    for members in [
        r#""alg":"ES256""#,
        r#""alg":"none""#,
        r#""\u0061lg":"none""#,
        r#""kid":"rs256""#,
        r#""typ":"JWT""#,
        r#""x":1,"x":1"#,
        r#""x":{"y":1,"y":2}"#,
        r#""":0,"":1"#,
    ] {
        item.token(format!("header, {members}"), json.header_and(members));
    }
    for members in [
        r#""iss":"https://issuer.example.com/tenant""#,
        r#""iss":"https://evil.example""#,
        r#""aud":"https://orders.example.com""#,
        r#""exp":99999999999"#,
        r#""scope":"orders:read orders:admin""#,
        r#""\u0073cope":"orders:admin""#,
        r#""sub":"admin""#,
        r#""x":1,"x":1"#,
        r#""x":[{"y":1,"y":2}]"#,
        r#""x":{"y":{"z":1,"\u007a":2}}"#,
    ] {
        item.token(format!("payload, {members}"), json.payload_and(members));
    }
}

/// Members with a special meaning to `serde_json`.
fn reserved_members(json: &Json, item: &mut Item<'_>) {
    for (name, value) in [("Number", "1"), ("RawValue", "[1]")] {
        let member = format!("\"$serde_json::private::{name}\":\"{value}\"");
        json.both_and(item, name, &member);
        json.both_and(
            item,
            &format!("{name} inside"),
            &format!("\"x\":{{{member}}}"),
        );
        json.both_and(
            item,
            &format!("{name} in a list"),
            &format!("\"x\":[{{\"y\":{{{member}}}}}]"),
        );
        let escaped = member.replace('$', r"\u0024");
        json.both_and(
            item,
            &format!("{name} escaped"),
            &format!("\"x\":{{{escaped}}}"),
        );
    }
}
