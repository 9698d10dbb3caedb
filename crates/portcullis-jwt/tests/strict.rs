//! The default profile, RFC 9068, and the rules of every profile.

mod support;

use portcullis_core::{PrincipalKind, clock::UnixTime};
use portcullis_jwt::{JwtVerifier, Profile, VerifyError};
use serde_json::json;
use support::{
    AUDIENCE, ISSUER, NOW, Signer, accepted, claims, claims_with, invalid_claim, judge, refused,
    signer, strict, verifier,
};

#[test]
fn a1_valid_token_becomes_a_principal() {
    let principal = judge(&strict(), &signer().access_token(&claims())).expect("accepted");
    assert_eq!(principal.scheme(), "jwt");
    assert_eq!(principal.kind(), PrincipalKind::Machine);
    assert_eq!(principal.subject(), Some("billing"));
    assert_eq!(principal.client_id(), Some("billing"));
    assert_eq!(principal.issuer(), Some(ISSUER));
    assert_eq!(principal.credential_id(), Some("token-1"));
    assert_eq!(principal.scopes().to_string(), "orders:read orders:write");
    assert_eq!(principal.expires_at(), Some(UnixTime::from_secs(NOW + 290)));
}

#[test]
fn a1_issuer_is_compared_exactly() {
    for iss in [
        "https://issuer.example.com/",
        "https://ISSUER.example.com",
        "http://issuer.example.com",
        "https://issuer.example.com:443",
        "https://issuer.example.com.evil.net",
        "https://evil.net/https://issuer.example.com",
        "https://issuer.example.co",
        "https://íssuer.example.com",
        " https://issuer.example.com",
    ] {
        assert!(
            matches!(refused(json!({"iss": iss})), VerifyError::Issuer { .. }),
            "{iss}"
        );
    }
    for iss in [
        json!([ISSUER]),
        json!(1),
        json!({"iss": ISSUER}),
        json!(""),
        json!(true),
    ] {
        assert_eq!(invalid_claim(refused(json!({"iss": iss}))), "iss");
    }
}

#[test]
fn a1_audience_is_compared_exactly() {
    accepted(json!({"aud": [AUDIENCE]}));
    accepted(json!({"aud": ["https://other.example.com", AUDIENCE]}));
    for aud in [
        json!("https://orders.example.com/"),
        json!("https://orders.example.co"),
        json!("https://orders.example.com.evil.net"),
        json!("HTTPS://orders.example.com"),
        json!("orders.example.com"),
        json!(["https://other.example.com"]),
        json!([]),
        json!(""),
        json!(format!("{AUDIENCE} https://other.example.com")),
    ] {
        assert!(
            matches!(refused(json!({"aud": aud})), VerifyError::Audience { .. }),
            "{aud}"
        );
    }
}

#[test]
fn several_audiences_can_be_accepted() {
    let verifier = verifier(Profile::rfc9068())
        .audiences(["urn:a", "urn:b"])
        .build()
        .expect("a verifier");
    for aud in [AUDIENCE, "urn:a", "urn:b"] {
        assert!(
            judge(
                &verifier,
                &signer().access_token(&claims_with(json!({"aud": aud})))
            )
            .is_ok(),
            "{aud}"
        );
    }
    let other = signer().access_token(&claims_with(json!({"aud": "urn:c"})));
    assert!(matches!(
        judge(&verifier, &other),
        Err(VerifyError::Audience { .. })
    ));
}

#[test]
fn p6_type_must_be_at_jwt_in_any_letter_case() {
    for typ in [
        "at+jwt",
        "application/at+jwt",
        "AT+JWT",
        "Application/AT+jwt",
    ] {
        assert!(
            judge(&strict(), &signer().token(Some(typ), &claims())).is_ok(),
            "{typ}"
        );
    }
    let others = [
        "JWT",
        "jwt",
        "",
        "at+jwt;v=1",
        "dpop+jwt",
        "secevent+jwt",
        "logout+jwt",
        "application/jwt",
        "id+jwt",
    ];
    for typ in others.map(Some).into_iter().chain([None]) {
        let verdict = judge(&strict(), &signer().token(typ, &claims()));
        assert!(
            matches!(verdict, Err(VerifyError::Type { .. })),
            "{typ:?}: {verdict:?}"
        );
    }
}

#[test]
fn p4_key_verifies_only_tokens_of_its_issuer() {
    let other = Signer::new(2, "key-1");
    let forged = other.access_token(&claims());
    assert_eq!(
        judge(&strict(), &forged).expect_err("another key with a known kid"),
        VerifyError::Signature(
            "the issuer's key \"key-1\": the token was altered, or was signed by another key with the same `kid`: check where the caller got it"
                .into()
        )
    );
    let honest = signer().access_token(&claims_with(json!({"iss": "https://other.example.com"})));
    assert!(matches!(
        judge(&strict(), &honest),
        Err(VerifyError::Issuer { .. })
    ));
}

#[test]
fn p4_token_without_an_audience_is_rejected() {
    assert_eq!(
        refused(json!({"aud": null})),
        VerifyError::MissingClaim("aud".into())
    );
    let lax = verifier(Profile::rfc9068().required_claims(["sub"]));
    let token = signer().access_token(&claims_with(json!({"aud": null})));
    assert_eq!(
        judge(&lax.build().expect("a verifier"), &token).expect_err("no audience"),
        VerifyError::MissingClaim("aud".into())
    );
}

#[test]
fn a1_unlisted_algorithm_is_rejected() {
    let eddsa_only = JwtVerifier::of(&support::issuer())
        .audience(AUDIENCE)
        .algorithms([portcullis_jwt::Algorithm::EdDSA])
        .build()
        .expect("a verifier");
    let verdict = |alg: &str| {
        let header = json!({"alg": alg, "kid": "key-1", "typ": "at+jwt"});
        let token = signer().sign(&header.to_string(), &claims().to_string());
        judge(&eddsa_only, &token)
    };
    assert!(matches!(
        verdict("RS256"),
        Err(VerifyError::AlgorithmNotAllowed(_))
    ));
    assert!(matches!(verdict("none"), Err(VerifyError::Jws(_))));
}

#[test]
fn j3_crit_is_rejected_and_unknown_members_are_ignored() {
    let sign = |header: &str| signer().sign(header, &claims().to_string());
    let with_crit = sign(r#"{"alg":"EdDSA","kid":"key-1","typ":"at+jwt","crit":["exp"],"exp":1}"#);
    assert!(matches!(
        judge(&strict(), &with_crit),
        Err(VerifyError::Jws(_))
    ));
    let unknown = sign(r#"{"alg":"EdDSA","kid":"key-1","typ":"at+jwt","zip":"DEF","x":{"y":[1]}}"#);
    assert!(judge(&strict(), &unknown).is_ok());
}

#[test]
fn j4_token_with_b64_false_is_rejected() {
    let token = signer().sign(
        r#"{"alg":"EdDSA","kid":"key-1","typ":"at+jwt","b64":false}"#,
        &claims().to_string(),
    );
    assert!(matches!(judge(&strict(), &token), Err(VerifyError::Jws(_))));
}

#[test]
fn j2_duplicate_claims_are_rejected() {
    let usual = claims().to_string();
    for extra in [
        r#""scope":"orders:admin""#,
        r#""\u0069ss":"https://issuer.example.com""#,
        r#""x":{"a":1,"a":2}"#,
    ] {
        let token = signer().sign(
            r#"{"alg":"EdDSA","kid":"key-1","typ":"at+jwt"}"#,
            &format!("{{{extra},{}", &usual[1..]),
        );
        let verdict = judge(&strict(), &token);
        assert!(
            matches!(verdict, Err(VerifyError::Claims(_))),
            "{extra}: {verdict:?}"
        );
    }
}

#[test]
fn p3_payload_must_be_one_json_object() {
    for payload in [
        "",
        "[]",
        "null",
        "1",
        "\"a\"",
        "{} {}",
        "{",
        "\u{feff}{}",
        "{\"a\":NaN}",
        "{/**/}",
    ] {
        let token = signer().sign(r#"{"alg":"EdDSA","kid":"key-1","typ":"at+jwt"}"#, payload);
        let verdict = judge(&strict(), &token);
        assert!(
            matches!(verdict, Err(VerifyError::Claims(_))),
            "{payload:?}: {verdict:?}"
        );
    }
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(1_000), "]".repeat(1_000));
    let token = signer().sign(r#"{"alg":"EdDSA","kid":"key-1","typ":"at+jwt"}"#, &deep);
    assert!(matches!(
        judge(&strict(), &token),
        Err(VerifyError::Claims(_))
    ));
}

#[test]
fn error_for_the_caller_contains_nothing_of_the_token() {
    let error = refused(json!({"aud": "\u{1b}[31mevil\r\nX-Injected: 1"}));
    assert_eq!(error.external(), "the token is meant for another audience");
    let internal = error.to_string();
    assert!(
        internal.contains("evil") && !internal.contains(['\r', '\n', '\u{1b}']),
        "{internal}"
    );
    // The message shows at most 512 characters of a value.
    assert!(refused(json!({"aud": "x".repeat(4_000)})).to_string().len() < 700);
}
