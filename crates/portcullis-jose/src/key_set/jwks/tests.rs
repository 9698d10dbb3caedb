use super::*;
use crate::algorithm::Algorithm;
use crate::testing::{Signer, jwks};

fn good(kid: &str) -> String {
    Signer::new(Algorithm::ES256).jwk(&format!(r#","kid":"{kid}""#))
}

fn kids(set: &KeySet) -> Vec<&str> {
    set.keys().filter_map(VerificationKey::kid).collect()
}

fn error(json: &str) -> KeySetError {
    KeySet::parse(json.as_bytes()).expect_err(json)
}

#[test]
fn w1_unusable_keys_are_skipped_and_counted() {
    let off_curve = r#"{"kty":"EC","crv":"P-256","x":"04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY","y":"UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgnw","kid":"off"}"#;
    let noise = [
        ("null", None),
        ("7", None),
        (r#""key""#, None),
        ("[]", None),
        ("{}", None),
        (r#"{"kid":"dup","kty":"EC","kty":"EC"}"#, None),
        (r#"{"kid":"\ud800"}"#, None),
        (r#"{"kid":"oct","kty":"oct","k":"AAAA"}"#, Some("oct")),
        (r#"{"kid":"new","kty":"AKP","pub":"AAAA"}"#, Some("new")),
        (
            r#"{"kid":"448","kty":"OKP","crv":"Ed448","x":"AAAA"}"#,
            Some("448"),
        ),
        (
            r#"{"kid":"short","kty":"OKP","crv":"Ed25519","x":"AAAA"}"#,
            Some("short"),
        ),
        (
            r#"{"kid":"small","kty":"RSA","n":"AQAB","e":"AQAB"}"#,
            Some("small"),
        ),
        (off_curve, Some("off")),
    ];
    let mut all = vec![good("first")];
    all.extend(noise.iter().map(|(key, _)| (*key).to_owned()));
    all.push(good("last"));
    let set = KeySet::parse(jwks(&all).as_bytes()).expect("two keys are good");
    assert_eq!(kids(&set), ["first", "last"]);
    assert_eq!(set.report().skipped_count, noise.len());
    let skipped: Vec<_> = set
        .report()
        .skipped
        .iter()
        .map(|key| key.kid.as_deref())
        .collect();
    assert_eq!(skipped, noise.map(|(_, kid)| kid));
    assert_eq!(
        set.report().skipped.last().map(|key| key.what.clone()),
        Some(crate::KeyRejected::NotOnCurve.into())
    );
}

#[test]
fn set_must_be_a_json_object_with_keys() {
    for json in [
        "",
        "<html></html>",
        r#"{"keys":["#,
        "{}{}",
        r#"{"keys":[]} x"#,
        "\u{feff}",
        "\u{feff}\u{feff}{}",
        " \u{feff}{}",
    ] {
        assert!(
            matches!(error(json), KeySetError::Json(JsonError::Syntax { .. })),
            "{json}"
        );
    }
    for json in [
        "null",
        "[]",
        "1",
        r#""keys""#,
        r#"[[{"kty":"EC"}]]"#,
        r#"{"keys":{}}"#,
        r#"{"keys":null}"#,
        r#"{"keys":"[]"}"#,
    ] {
        assert!(
            matches!(
                error(json),
                KeySetError::Json(JsonError::UnexpectedType { .. })
            ),
            "{json}"
        );
    }
    let twice = format!(r#"{{"keys":[],"keys":[{}]}}"#, good("a"));
    assert!(matches!(
        error(&twice),
        KeySetError::Json(JsonError::DuplicateMember { .. })
    ));
    assert_eq!(
        KeySet::parse(b"\xff").err(),
        Some(KeySetError::Json(JsonError::NotUtf8))
    );
    assert_eq!(error("{}"), KeySetError::NoKeysMember);
    assert_eq!(error(r#"{"Keys":[]}"#), KeySetError::NoKeysMember);
    assert_eq!(
        error(r#"{"issuer":"https://issuer.example","jwks_uri":"https://issuer.example/jwks"}"#),
        KeySetError::IssuerMetadata
    );
    let more = format!(
        r#"{{"issued":[{{"a":1}}],"keys":[{}],"next":null}}"#,
        good("a")
    );
    assert!(
        KeySet::parse(more.as_bytes()).is_ok(),
        "other members are ignored"
    );
}

#[test]
fn w1_deviations_are_reported_by_key() {
    let with = |members: &str| Signer::new(Algorithm::ES256).jwk(members);
    let keys = [
        with(r#","kid":"a","use":null"#),
        with(r#","kid":"b","key_ops":[],"alg":null"#),
        good("c"),
    ];
    let set = format!("\u{feff}{}", jwks(&keys));
    let set = KeySet::parse(set.as_bytes()).expect("three usable keys");
    assert_eq!(kids(&set), ["a", "b", "c"]);
    let tolerated: Vec<_> = set
        .report()
        .tolerated
        .iter()
        .map(|key| (key.kid.as_deref(), key.what))
        .collect();
    assert_eq!(
        tolerated,
        [
            (None, Deviation::ByteOrderMark),
            (Some("a"), Deviation::Null("use")),
            (Some("b"), Deviation::Null("alg")),
            (Some("b"), Deviation::EmptyKeyOps),
        ]
    );
}

#[test]
fn set_without_usable_keys_is_rejected() {
    assert_eq!(error(r#"{"keys":[]}"#), KeySetError::Empty);
    let unusable = jwks(&[r#"{"kty":"oct","k":"AAAA"}"#.into(), "{}".into()]);
    assert_eq!(
        error(&unusable),
        KeySetError::NothingUsable {
            skipped: 2,
            kid: "absent".to_owned(),
            first: SkipReason::Symmetric
        }
    );
}

#[test]
fn p7_size_and_number_of_keys_are_bounded() {
    let numbered =
        |count: usize| jwks(&(0..count).map(|n| good(&n.to_string())).collect::<Vec<_>>());
    assert_eq!(
        KeySet::parse(numbered(64).as_bytes()).map(|set| set.keys().len()),
        Ok(64)
    );
    assert_eq!(error(&numbered(65)), KeySetError::TooManyKeys);
    assert_eq!(error(&numbered(1000)), KeySetError::TooManyKeys);

    let padded = |length: usize| {
        let set = jwks(&[good("a")]);
        format!("{set}{}", " ".repeat(length - set.len()))
    };
    assert!(KeySet::parse(padded(KeySet::MAX_BYTES).as_bytes()).is_ok());
    assert_eq!(error(&padded(KeySet::MAX_BYTES + 1)), KeySetError::TooLarge);

    let mut many = vec!["{}".to_owned(); 80_000];
    many.push(good("a"));
    let set = KeySet::parse(jwks(&many).as_bytes()).expect("one is good");
    assert_eq!(
        (set.report().skipped_count, set.report().skipped.len()),
        (80_000, KeySet::MAX_KEYS)
    );
}

#[test]
fn duplicate_key_is_skipped() {
    let signer = Signer::new(Algorithm::RS256);
    let named = |more: &str| signer.jwk(&format!(r#","kid":"a"{more}"#));
    let twice = [
        named(""),
        named(""),
        named(r#","alg":"PS256""#),
        named(r#","use":"sig""#),
    ];
    let set = KeySet::parse(jwks(&twice).as_bytes()).expect("a usable set");
    assert_eq!((set.keys().len(), set.report().skipped_count), (1, 3));
    assert!(
        set.report()
            .skipped
            .iter()
            .all(|key| key.what == SkipReason::Duplicate)
    );

    let different = [
        named(r#","alg":"RS256""#),
        named(r#","alg":"PS256""#),
        signer.jwk(r#","kid":"b""#),
    ];
    let set = KeySet::parse(jwks(&different).as_bytes()).expect("a usable set");
    assert_eq!((set.keys().len(), set.report().skipped_count), (3, 0));
}

#[test]
fn private_members_are_reported_and_the_key_is_used() {
    let leaked = Signer::new(Algorithm::ES256).jwk(r#","kid":"leaked","d":"c2VjcmV0""#);
    let secret = r#"{"kty":"oct","kid":"secret","k":"c2VjcmV0"}"#;
    let set =
        KeySet::parse(jwks(&[good("a"), leaked, secret.into()]).as_bytes()).expect("a usable set");
    assert_eq!(set.report().keys_with_private_members, 2);
    assert_eq!(kids(&set), ["a", "leaked"]);
    assert!(!format!("{set:?}").contains("c2Vj"));
}
