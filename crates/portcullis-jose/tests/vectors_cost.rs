//! The allocations of a token before and during the check of its signature (RFC 8725 §3.13–15).

use allocation_counter::measure;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_jose::{CompactJws, KeySet, SignatureError};

/// RFC 7515 A.3: the token has no `kid`, the key has one.
const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
const KEYS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

enum Refused {
    BeforeTheSignature,
    Signature(SignatureError),
}

fn check(keys: &KeySet, token: &str) -> Result<(), Refused> {
    let jws = CompactJws::parse(token).map_err(|_| Refused::BeforeTheSignature)?;
    let header = jws.header().map_err(|_| Refused::BeforeTheSignature)?;
    keys.verify(&jws, &header)
        .map(|_| ())
        .map_err(Refused::Signature)
}

fn allocations(keys: &KeySet, token: &str) -> (u64, Result<(), Refused>) {
    let mut result = Ok(());
    let counted = measure(|| result = check(keys, token));
    (counted.count_total, result)
}

fn with_header(header: &str) -> String {
    let (_, rest) = TOKEN.split_once('.').expect("three parts");
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
}

#[test]
fn p7_genuine_signature_costs_the_decoded_header_and_signature() {
    let keys = KeySet::parse(KEYS.as_bytes()).expect("a usable set");
    let (count, result) = allocations(&keys, TOKEN);
    assert!(result.is_ok());
    assert_eq!(count, 2);
}

#[test]
fn p7_forged_signature_costs_no_more_than_its_parts() {
    let keys = KeySet::parse(KEYS.as_bytes()).expect("a usable set");
    let (count, result) = allocations(
        &keys,
        &with_header(r#"{"alg":"ES256","kid":"a","typ":"at+jwt"}"#),
    );
    assert!(matches!(
        result,
        Err(Refused::Signature(SignatureError::BadSignature))
    ));
    assert_eq!(count, 4, "and the members `kid` and `typ`");
}

#[test]
fn p7_rejected_token_costs_few_allocations() {
    let keys = KeySet::parse(KEYS.as_bytes()).expect("a usable set");
    let thousand_members: String = (0..180).map(|n| format!(r#","m{n}":0"#)).collect();
    let nested = format!(
        r#"{{"alg":"ES256","x":{}{}}}"#,
        "[".repeat(600),
        "]".repeat(600)
    );
    let duplicate = format!(r#"{{"alg":"ES256"{thousand_members},"m179":1}}"#);
    for (what, token, most) in [
        ("dots", ".".repeat(8_000), 0),
        ("too long", "A".repeat(9_000), 0),
        ("not base64url", TOKEN.replacen('J', "!", 1), 1),
        ("none", with_header(r#"{"alg":"none"}"#), 1),
        ("unknown algorithm", with_header(r#"{"alg":"XS256"}"#), 1),
        (
            "unknown kid",
            with_header(r#"{"alg":"ES256","kid":"b"}"#),
            2,
        ),
        (
            "long kid",
            with_header(&format!(
                r#"{{"alg":"ES256","kid":"{}"}}"#,
                "k".repeat(1_400)
            )),
            1,
        ),
        (
            "escaped kid",
            with_header(r#"{"alg":"ES256","kid":"\u0062"}"#),
            4,
        ),
        ("not JSON", with_header("{"), 4),
        ("nested", with_header(&nested), 25),
        ("duplicates among many members", with_header(&duplicate), 17),
    ] {
        let (count, result) = allocations(&keys, &token);
        assert!(result.is_err(), "{what}");
        assert!(count <= most, "{what}: {count} allocations");
    }
}
