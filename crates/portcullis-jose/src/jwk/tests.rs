use super::*;
use crate::algorithm::Algorithm;
use crate::base64url;
use crate::key_material::KeyMaterial;
use crate::testing::Signer;

#[derive(Debug)]
struct Jwk {
    algorithms: Vec<Algorithm>,
    material: KeyMaterial,
    tolerated: Vec<Deviation>,
}

impl Jwk {
    fn parse(json: &[u8]) -> Result<Self, SkipReason> {
        let mut jwk = RawJwk::parse(json)?;
        let (material, algorithms) = jwk.check()?;
        jwk.kid()?;
        Ok(Self {
            algorithms,
            material,
            tolerated: jwk.tolerated,
        })
    }
}

const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

fn ec(more: &str) -> String {
    format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}"{more}}}"#)
}

fn skip(json: &str) -> SkipReason {
    Jwk::parse(json.as_bytes()).expect_err(json)
}

#[test]
fn w2_use_and_key_ops_are_honoured() {
    for good in [
        "",
        r#","use":"sig""#,
        r#","key_ops":["verify"]"#,
        r#","key_ops":["sign","verify"],"use":"sig""#,
        r#","key_ops":["\u0076erify"]"#,
    ] {
        assert!(Jwk::parse(ec(good).as_bytes()).is_ok(), "{good}");
    }
    assert_eq!(
        skip(&ec(r#","use":"SIG""#)),
        SkipReason::OtherUse("SIG".into())
    );
    assert_eq!(skip(&ec(r#","use":["sig"]"#)), SkipReason::Malformed("use"));
    assert_eq!(
        skip(&ec(r#","key_ops":["sign"],"use":"sig""#)),
        SkipReason::OtherOperations
    );
    assert_eq!(
        skip(&ec(r#","key_ops":["verify"],"use":"other""#)),
        SkipReason::OtherUse("other".into())
    );
    for malformed in ["false", r#""verify""#, r#"["verify",1]"#, r#"{"verify":1}"#] {
        assert_eq!(
            skip(&ec(&format!(r#","key_ops":{malformed}"#))),
            SkipReason::Malformed("key_ops")
        );
    }
}

#[test]
fn w2_encryption_key_is_skipped_and_not_a_mistake() {
    for members in [
        r#","use":"enc""#,
        r#","use":"enc","alg":"ES256""#,
        r#","use":"enc","key_ops":["verify"]"#,
        r#","alg":"ECDH-ES""#,
        r#","alg":"ECDH-ES+A256KW""#,
        r#","key_ops":["deriveKey","deriveBits"]"#,
    ] {
        assert_eq!(skip(&ec(members)), SkipReason::Encryption, "{members}");
    }
    for jwk in [
        r#"{"kty":"OKP","crv":"X25519","x":"AA"}"#,
        r#"{"kty":"RSA","n":"AQAB","e":"AQAB","use":"enc","alg":"RSA-OAEP"}"#,
        r#"{"kty":"RSA","alg":"RSA1_5"}"#,
    ] {
        assert_eq!(skip(jwk), SkipReason::Encryption, "{jwk}");
    }
    let secret = r#"{"kty":"oct","k":"AAAA","use":"enc","alg":"A128KW"}"#;
    assert_ne!(skip(secret), SkipReason::Encryption, "it is published");
}

#[test]
fn w1_common_deviations_are_accepted_and_reported() {
    let point = format!(r#""x":"{X}","y":"{Y}""#);
    let plain = ec("");
    let plain = Jwk::parse(plain.as_bytes()).expect("a usable key");
    let tolerated = |json: &str| {
        let jwk = Jwk::parse(json.as_bytes()).expect(json);
        assert_eq!(jwk.material.thumbprint(), plain.material.thumbprint());
        jwk.tolerated
    };
    assert_eq!(tolerated(&ec("")), []);
    let standard = |text: &str| text.replace('-', "+").replace('_', "/");
    for (x, y, deviations) in [
        (format!("{X}="), Y.into(), vec![Deviation::Base64("x")]),
        (X.into(), standard(Y), vec![Deviation::Base64("y")]),
        (
            format!("{}=", standard(X)),
            format!("{}=", standard(Y)),
            vec![Deviation::Base64("x"), Deviation::Base64("y")],
        ),
    ] {
        let json = format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#);
        assert_eq!(tolerated(&json), deviations, "{json}");
    }
    let longer = |text: &str| {
        base64url::encode(&[&[0; 3][..], &base64url::decode(text).expect("strict")].concat())
    };
    let json = format!(
        r#"{{"kty":"EC","crv":"P-256","x":"{}","y":"{Y}"}}"#,
        longer(X)
    );
    let of_x = vec![Deviation::CoordinateLength("x")];
    assert_eq!(tolerated(&json), of_x);
    for name in ["kid", "use", "key_ops", "alg", "n"] {
        let null = vec![Deviation::Null(name)];
        assert_eq!(tolerated(&ec(&format!(r#","{name}":null"#))), null);
    }
    assert_eq!(tolerated(&ec(r#","key_ops":[]"#)), [Deviation::EmptyKeyOps]);
    assert_eq!(tolerated(&ec(r#","d":null"#)), []);
    assert_eq!(
        skip(&format!(r#"{{"kty":null,"crv":"P-256",{point}}}"#)),
        SkipReason::Missing("kty")
    );
    assert_eq!(
        skip(&format!(
            r#"{{"kty":"EC","crv":"P-256","x":null,"y":"{Y}"}}"#
        )),
        SkipReason::Missing("x")
    );
}

#[test]
fn w1_coordinate_without_leading_zero_is_accepted() {
    // x begins with a zero byte, as one in 256 does.
    let (signer, x) = std::iter::repeat_with(|| Signer::new(Algorithm::ES256))
        .find_map(|signer| {
            let jwk: serde_json::Value = serde_json::from_str(&signer.jwk("")).expect("JSON");
            let x = base64url::decode(jwk["x"].as_str().expect("text")).expect("strict");
            (x[0] == 0).then_some((signer, x))
        })
        .expect("one of many");
    let whole = signer.jwk("");
    let full = base64url::encode(&x);
    let parse = |x: &[u8]| {
        let json = whole.replace(&full, &base64url::encode(x));
        Jwk::parse(json.as_bytes()).map(|jwk| (jwk.material.thumbprint(), jwk.tolerated))
    };
    let (thumbprint, _) = parse(&x).expect("usable");
    let short = vec![Deviation::CoordinateLength("x")];
    assert_eq!(parse(&x[1..]), Ok((thumbprint, short)));
    assert_eq!(parse(&x[2..]), Err(KeyRejected::CoordinateLength.into()));
    assert_eq!(
        parse(&[&[1], &x[..]].concat()),
        Err(KeyRejected::CoordinateLength.into())
    );
}

#[test]
fn w2_alg_must_fit_the_key() {
    let algorithms = |more: &str| Jwk::parse(ec(more).as_bytes()).map(|jwk| jwk.algorithms);
    assert_eq!(algorithms(""), Ok(vec![Algorithm::ES256]));
    assert_eq!(algorithms(r#","alg":"ES256""#), Ok(vec![Algorithm::ES256]));
    for other in [
        "ES384", "RS256", "HS256", "ES256K", "none", "es256", "", "ES521",
    ] {
        assert_eq!(
            skip(&ec(&format!(r#","alg":"{other}""#))),
            SkipReason::OtherAlgorithm(other.into()),
            "{other}"
        );
    }
    assert_eq!(skip(&ec(r#","alg":1"#)), SkipReason::Malformed("alg"));
}

#[test]
fn w2_key_without_alg_has_the_algorithms_of_its_type() {
    let n = base64url::encode(&[&[0xb5; 255][..], &[1]].concat());
    let rsa = format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAB"}}"#);
    let jwk = Jwk::parse(rsa.as_bytes()).expect("a usable key");
    let names: Vec<_> = jwk.algorithms.iter().map(|it| it.as_str()).collect();
    assert_eq!(
        names,
        ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
    );
    let okp = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","alg":"Ed25519"}"#;
    let jwk = Jwk::parse(okp.as_bytes()).expect("a usable key");
    assert_eq!(jwk.algorithms, [Algorithm::EdDSA]);
}

#[test]
fn w1_unsupported_types_and_curves_are_skipped() {
    assert_eq!(skip(r#"{"kty":"oct","k":"AAAA"}"#), SkipReason::Symmetric);
    assert_eq!(
        skip(r#"{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}"#),
        SkipReason::UnsupportedType("AKP".into())
    );
    assert_eq!(
        skip(r#"{"kty":"r\"sa"}"#).to_string(),
        r#"its `kty` is "r\"sa", not `RSA`, `EC` or `OKP`: use a key of these types"#
    );
    for (kty, crv) in [
        ("OKP", "Ed448"),
        ("OKP", "P-256"),
        ("EC", "secp256k1"),
        ("EC", "Ed25519"),
    ] {
        let jwk = format!(r#"{{"kty":"{kty}","crv":"{crv}","x":"AA","y":"AA"}}"#);
        assert_eq!(
            skip(&jwk),
            SkipReason::UnsupportedCurve(crv.into()),
            "{kty}"
        );
    }
}

#[test]
fn w1_missing_and_malformed_members_are_rejected() {
    assert_eq!(skip("{}"), SkipReason::Missing("kty"));
    assert_eq!(skip(r#"{"kty":["EC"]}"#), SkipReason::Malformed("kty"));
    assert_eq!(
        skip(r#"{"kty":"RSA","n":"AQAB"}"#),
        SkipReason::Missing("e")
    );
    assert_eq!(
        skip(r#"{"kty":"RSA","n":"AQAB","e":65537}"#),
        SkipReason::Malformed("e")
    );
    assert_eq!(
        skip(r#"{"kty":"RSA","n":"AR==","e":"AQAB"}"#),
        SkipReason::Malformed("n")
    );
    assert_eq!(
        skip(r#"{"kty":"OKP","crv":"Ed25519","x":"AQ"}"#),
        KeyRejected::CoordinateLength.into()
    );
    assert_eq!(
        skip(r#"{"kty":"OKP","crv":"Ed25519"}"#),
        SkipReason::Missing("x")
    );
    assert!(matches!(
        skip(&ec(r#","kty":"EC""#)),
        SkipReason::Json(JsonError::DuplicateMember { .. })
    ));
    for json in ["null", "1", "[]", r#""EC""#, r#"["EC","P-256"]"#] {
        assert!(
            matches!(
                skip(json),
                SkipReason::Json(JsonError::UnexpectedType { .. })
            ),
            "{json}"
        );
    }
}

#[test]
fn kid_must_be_a_short_string() {
    assert_eq!(skip(&ec(r#","kid":1"#)), SkipReason::Malformed("kid"));
    let with_kid = |length: usize| ec(&format!(r#","kid":"{}""#, "k".repeat(length)));
    assert!(Jwk::parse(with_kid(256).as_bytes()).is_ok());
    assert_eq!(skip(&with_kid(257)), SkipReason::KidTooLong);
}

#[test]
fn private_members_are_reported_and_not_kept() {
    let with = ec(r#","d":"c2VjcmV0LXNlY3JldC1zZWNyZXQ""#);
    let raw = RawJwk::parse(with.as_bytes()).expect("an object");
    assert!(raw.has_private_members());
    let jwk = Jwk::parse(with.as_bytes()).expect("usable all the same");
    assert!(!format!("{jwk:?}").contains("c2Vj"));
    assert!(
        !RawJwk::parse(ec("").as_bytes())
            .expect("an object")
            .has_private_members()
    );
}
