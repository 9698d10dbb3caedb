//! What is not three parts with a dot between them.

use serde_json::json;

use crate::{TokenBuilder, encoding::base64url, token::Parts};

pub(super) fn signature_empty(token: TokenBuilder) -> String {
    Parts {
        signature: String::new(),
        ..token.parts()
    }
    .join()
}

pub(super) fn two_parts(token: TokenBuilder) -> String {
    let Parts {
        header, payload, ..
    } = token.parts();
    format!("{header}.{payload}")
}

pub(super) fn one_part(token: TokenBuilder) -> String {
    token.parts().header
}

pub(super) fn four_parts(token: TokenBuilder) -> String {
    format!("{}.", token.mint())
}

pub(super) fn five_parts(token: TokenBuilder) -> String {
    let token = token.alg("RSA-OAEP-256").header("enc", "A256GCM");
    let header = base64url(token.header_bytes());
    let [key, nonce, text, tag] = [256, 12, 400, 16].map(|length| base64url(vec![7; length]));
    format!("{header}.{key}.{nonce}.{text}.{tag}")
}

pub(super) fn json_serialised(token: TokenBuilder) -> String {
    let Parts {
        header,
        payload,
        signature,
    } = token.parts();
    json!({ "protected": header, "payload": payload, "signature": signature }).to_string()
}

pub(super) fn nested(token: TokenBuilder) -> String {
    let inner = token.mint();
    token.header("cty", "JWT").raw_payload(inner).mint()
}

pub(super) fn header_empty(token: TokenBuilder) -> String {
    token.raw_header("").mint()
}

pub(super) fn payload_empty(token: TokenBuilder) -> String {
    token.raw_payload("").mint()
}

pub(super) fn only_dots(_: TokenBuilder) -> String {
    "..".to_owned()
}

pub(super) fn thousands_of_dots(_: TokenBuilder) -> String {
    ".".repeat(4000)
}
