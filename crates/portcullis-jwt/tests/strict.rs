//! The default profile, RFC 9068, and the rules every profile shares.

mod support;

use std::time::Duration;

use portcullis_core::{PrincipalKind, UnixTime};
use portcullis_jwt::{JwtVerifier, Profile, TokenError};
use serde_json::{Value, json};
use support::{
    AUDIENCE, ISSUER, NOW, Signer, changed, claims, claims_with, judge, judge_at, signer, verifier,
};

fn strict() -> JwtVerifier {
    verifier(Profile::rfc9068()).build().expect("a verifier")
}

/// What the strict verifier says of a genuine access token with these changes to its claims.
fn refused(changes: Value) -> TokenError {
    judge(
        &strict(),
        &signer().access_token(&claims_with(changes.clone())),
    )
    .expect_err(&changes.to_string())
}

fn accepted(changes: Value) {
    let verdict = judge(
        &strict(),
        &signer().access_token(&claims_with(changes.clone())),
    );
    assert!(verdict.is_ok(), "{changes}: {verdict:?}");
}

#[test]
fn a1_a_good_token_becomes_a_principal() {
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
fn a1_the_issuer_is_compared_exactly() {
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
            matches!(refused(json!({"iss": iss})), TokenError::Issuer { .. }),
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
        assert_eq!(
            refused(json!({"iss": iss})),
            TokenError::InvalidClaim("iss".into())
        );
    }
}

#[test]
fn a1_the_audience_is_compared_exactly() {
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
            matches!(refused(json!({"aud": aud})), TokenError::Audience { .. }),
            "{aud}"
        );
    }
}

#[test]
fn several_audiences_can_be_accepted() {
    let verifier = verifier(Profile::default())
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
        Err(TokenError::Audience { .. })
    ));
}

#[test]
fn j6_aud_is_text_or_an_array_of_texts() {
    for aud in [
        json!(1),
        json!({"aud": AUDIENCE}),
        json!([AUDIENCE, 1]),
        json!([[AUDIENCE]]),
        json!([null]),
        json!(true),
    ] {
        assert_eq!(
            refused(json!({"aud": aud})),
            TokenError::InvalidClaim("aud".into()),
            "{aud}"
        );
    }
}

#[test]
fn a3_each_required_claim_is_required() {
    for name in ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"] {
        assert_eq!(
            refused(json!({name: null})),
            TokenError::MissingClaim(name.into())
        );
    }
    accepted(json!({"scope": null}));
}

#[test]
fn a3_claims_have_their_registered_types() {
    for name in ["iss", "sub", "client_id", "jti"] {
        for value in [
            json!(1),
            json!(""),
            json!(["billing"]),
            json!({}),
            json!(false),
        ] {
            assert_eq!(
                refused(json!({name: value})),
                TokenError::InvalidClaim(name.into()),
                "{name} {value}"
            );
        }
        let null = format!(
            r#"{{"{name}":null,{}"#,
            &claims_with(json!({name: null})).to_string()[1..]
        );
        let token = signer().sign(r#"{"alg":"EdDSA","kid":"key-1","typ":"at+jwt"}"#, &null);
        assert_eq!(
            judge(&strict(), &token).expect_err("null"),
            TokenError::InvalidClaim(name.into())
        );
    }
}

#[test]
fn j5_a_date_is_a_number_and_nothing_else() {
    accepted(json!({"exp": NOW as f64 + 0.5, "iat": NOW as f64 - 0.5, "nbf": NOW as f64 - 0.25}));
    for name in ["exp", "nbf", "iat"] {
        for value in [
            json!(NOW.to_string()),
            json!(-1),
            json!(-0.5),
            json!(1e300),
            json!(u64::MAX),
            json!([NOW]),
            json!({}),
        ] {
            assert_eq!(
                refused(json!({name: value})),
                TokenError::InvalidClaim(name.into()),
                "{name} {value}"
            );
        }
    }
}

#[test]
fn j5_a_date_in_milliseconds_is_refused() {
    for name in ["exp", "iat", "nbf"] {
        let date = json!(NOW * 1_000);
        assert_eq!(
            refused(json!({name: date})),
            TokenError::InvalidClaim(name.into())
        );
    }
}

#[test]
fn a2_exp_and_nbf_hold_within_the_leeway() {
    let verifier = strict();
    let token = signer().access_token(&claims_with(json!({"nbf": NOW})));
    let verdict = |now| judge_at(&verifier, &token, now);
    assert!(verdict(NOW - 60).is_ok());
    assert_eq!(
        verdict(NOW - 61).expect_err("early"),
        TokenError::NotYetValid {
            away: Duration::from_secs(61)
        }
    );
    assert!(verdict(NOW + 290 + 59).is_ok());
    assert_eq!(
        verdict(NOW + 290 + 60).expect_err("late"),
        TokenError::Expired {
            ago: Duration::from_secs(60)
        }
    );
}

#[test]
fn a2_the_leeway_can_be_changed() {
    let verifier = verifier(Profile::default())
        .leeway(Duration::ZERO)
        .build()
        .expect("a verifier");
    let token = signer().access_token(&claims());
    assert!(judge_at(&verifier, &token, NOW + 289).is_ok());
    assert!(matches!(
        judge_at(&verifier, &token, NOW + 290),
        Err(TokenError::Expired { .. })
    ));
}

#[test]
fn a2_a_lifetime_is_at_most_48_hours() {
    let issued = NOW - 10;
    accepted(json!({"exp": issued + 48 * 3_600}));
    assert_eq!(
        refused(json!({"exp": issued + 48 * 3_600 + 1})),
        TokenError::Lifetime
    );
    let patient = verifier(Profile::default())
        .max_lifetime(Duration::from_secs(72 * 3_600))
        .build()
        .expect("a verifier");
    let token = signer().access_token(&claims_with(json!({"exp": issued + 72 * 3_600})));
    assert!(judge(&patient, &token).is_ok());
}

#[test]
fn p6_the_type_is_at_jwt_however_it_is_written() {
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
            matches!(verdict, Err(TokenError::Type { .. })),
            "{typ:?}: {verdict:?}"
        );
    }
}

#[test]
fn p4_a_key_verifies_its_own_issuers_tokens_only() {
    let other = Signer::new(2, "key-1");
    let forged = other.access_token(&claims());
    assert_eq!(
        judge(&strict(), &forged).expect_err("another key under a known name"),
        TokenError::Signature
    );
    let honest = signer().access_token(&claims_with(json!({"iss": "https://other.example.com"})));
    assert!(matches!(
        judge(&strict(), &honest),
        Err(TokenError::Issuer { .. })
    ));
}

#[test]
fn p4_a_token_for_nobody_in_particular_is_refused() {
    assert_eq!(
        refused(json!({"aud": null})),
        TokenError::MissingClaim("aud".into())
    );
    let lax = verifier(Profile::rfc9068().with_required_claims(["sub"]));
    let token = signer().access_token(&claims_with(json!({"aud": null})));
    assert_eq!(
        judge(&lax.build().expect("a verifier"), &token).expect_err("no audience"),
        TokenError::MissingClaim("aud".into())
    );
}

#[test]
fn a1_an_algorithm_that_is_not_listed_is_refused() {
    let es_only = JwtVerifier::of(&support::issuer())
        .audience(AUDIENCE)
        .algorithms([portcullis_jwt::Algorithm::EdDSA])
        .build()
        .expect("a verifier");
    let token = signer().sign(
        r#"{"alg":"RS256","kid":"key-1","typ":"at+jwt"}"#,
        &claims().to_string(),
    );
    assert!(matches!(
        judge(&es_only, &token),
        Err(TokenError::AlgorithmNotAllowed(_))
    ));
    let token = signer().sign(
        r#"{"alg":"none","kid":"key-1","typ":"at+jwt"}"#,
        &claims().to_string(),
    );
    assert!(matches!(judge(&es_only, &token), Err(TokenError::Jws(_))));
}

#[test]
fn j3_crit_is_refused_and_unknown_members_are_ignored() {
    let sign = |header: &str| signer().sign(header, &claims().to_string());
    let with_crit = sign(r#"{"alg":"EdDSA","kid":"key-1","typ":"at+jwt","crit":["exp"],"exp":1}"#);
    assert!(matches!(
        judge(&strict(), &with_crit),
        Err(TokenError::Jws(_))
    ));
    let unknown = sign(r#"{"alg":"EdDSA","kid":"key-1","typ":"at+jwt","zip":"DEF","x":{"y":[1]}}"#);
    assert!(judge(&strict(), &unknown).is_ok());
}

#[test]
fn j4_an_unencoded_payload_is_refused() {
    let token = signer().sign(
        r#"{"alg":"EdDSA","kid":"key-1","typ":"at+jwt","b64":false}"#,
        &claims().to_string(),
    );
    assert!(matches!(judge(&strict(), &token), Err(TokenError::Jws(_))));
}

#[test]
fn j2_duplicate_claims_are_refused() {
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
            matches!(verdict, Err(TokenError::Claims(_))),
            "{extra}: {verdict:?}"
        );
    }
}

#[test]
fn p3_a_payload_is_one_json_object() {
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
            matches!(verdict, Err(TokenError::Claims(_))),
            "{payload:?}: {verdict:?}"
        );
    }
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(1_000), "]".repeat(1_000));
    let token = signer().sign(r#"{"alg":"EdDSA","kid":"key-1","typ":"at+jwt"}"#, &deep);
    assert!(matches!(
        judge(&strict(), &token),
        Err(TokenError::Claims(_))
    ));
}

#[test]
fn d3_a_bound_token_is_refused_whatever_its_cnf_is() {
    for cnf in [
        json!({"jkt": "x"}),
        json!({"x5t#S256": "x"}),
        json!({}),
        json!("x"),
        json!(0),
        json!(false),
        json!([]),
    ] {
        assert_eq!(
            refused(json!({"cnf": cnf})),
            TokenError::SenderConstrained,
            "{cnf}"
        );
    }
    let null = format!(r#"{{"cnf":null,{}"#, &claims().to_string()[1..]);
    let token = signer().sign(r#"{"alg":"EdDSA","kid":"key-1","typ":"at+jwt"}"#, &null);
    assert_eq!(
        judge(&strict(), &token).expect_err("null"),
        TokenError::SenderConstrained
    );
}

#[test]
fn o1_the_kind_is_told_by_the_subject() {
    let kind = |changes| {
        judge(&strict(), &signer().access_token(&claims_with(changes)))
            .expect("accepted")
            .kind()
    };
    assert_eq!(kind(json!({})), PrincipalKind::Machine);
    assert_eq!(kind(json!({"sub": "alice"})), PrincipalKind::User);
    assert_eq!(kind(json!({"sub": "Billing"})), PrincipalKind::User);
    for claim in ["auth_time", "acr", "amr"] {
        assert_eq!(kind(json!({claim: "x"})), PrincipalKind::Unknown, "{claim}");
    }
}

#[test]
fn scopes_are_read_from_texts_and_arrays() {
    let scopes = |changes| {
        let token = signer().access_token(&claims_with(changes));
        judge(&strict(), &token)
            .expect("accepted")
            .scopes()
            .to_string()
    };
    assert_eq!(scopes(json!({"scope": ["b", "a"]})), "a b");
    assert_eq!(scopes(json!({"scope": null, "scp": "a b"})), "a b");
    assert_eq!(scopes(json!({"scope": null, "scp": ["a", "b c"]})), "a");
    assert_eq!(scopes(json!({"scope": "a\u{a0}b c\td é \"q\" \\ e"})), "e");
    assert_eq!(scopes(json!({"scope": 7, "scp": "a"})), "");
    assert_eq!(scopes(json!({"scope": {"a": true}})), "");
}

#[test]
fn clients_can_be_listed_under_any_profile() {
    let verifier = verifier(Profile::default())
        .client_ids(["billing", "shop"])
        .build()
        .expect("a verifier");
    assert!(judge(&verifier, &signer().access_token(&claims())).is_ok());
    let other = signer().access_token(&claims_with(json!({"client_id": "Billing"})));
    assert!(matches!(
        judge(&verifier, &other),
        Err(TokenError::ClientId { .. })
    ));
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Tenant {
    tenant: String,
    limits: Vec<u32>,
}

#[test]
fn custom_claims_are_decoded_once_and_borrowed() {
    let verifier = verifier(Profile::default())
        .claims::<Tenant>()
        .build()
        .expect("a verifier");
    let good = signer().access_token(&claims_with(json!({"tenant": "acme", "limits": [1, 2]})));
    let principal = judge(&verifier, &good).expect("accepted");
    assert_eq!(
        principal.claims::<Tenant>(),
        Some(&Tenant {
            tenant: "acme".into(),
            limits: vec![1, 2]
        })
    );
    assert!(principal.claims::<String>().is_none());
    for bad in [
        json!({}),
        json!({"tenant": 1, "limits": []}),
        json!({"tenant": "a", "limits": [-1]}),
    ] {
        let verdict = judge(&verifier, &signer().access_token(&claims_with(bad)));
        assert!(
            matches!(verdict, Err(TokenError::CustomClaims(_))),
            "{verdict:?}"
        );
    }
}

#[test]
fn an_adjusted_profile_asks_for_no_more_than_it_says() {
    let profile = Profile::rfc9068()
        .with_client_id_claims(["azp"])
        .with_required_claims(["sub", "client_id"]);
    let verifier = verifier(profile).build().expect("a verifier");
    let bare = changed(
        claims(),
        json!({"client_id": null, "azp": "billing", "jti": null, "iat": null}),
    );
    let principal = judge(&verifier, &signer().access_token(&bare)).expect("accepted");
    assert_eq!(
        (principal.client_id(), principal.credential_id()),
        (Some("billing"), None)
    );
    let without = changed(bare.clone(), json!({"azp": null}));
    assert_eq!(
        judge(&verifier, &signer().access_token(&without)).expect_err("no client"),
        TokenError::MissingClaim("client_id".into())
    );
    // Without an `iat`, the lifetime counts from now.
    let long = changed(bare, json!({"exp": NOW + 49 * 3_600}));
    assert_eq!(
        judge(&verifier, &signer().access_token(&long)).expect_err("too long"),
        TokenError::Lifetime
    );
}

#[test]
fn an_error_shows_nothing_of_the_token_to_the_caller() {
    let error = refused(json!({"aud": "\u{1b}[31mevil\r\nX-Injected: 1"}));
    assert_eq!(error.external(), "the token is meant for another audience");
    let internal = error.to_string();
    assert!(
        internal.contains("evil") && !internal.contains(['\r', '\n', '\u{1b}']),
        "{internal}"
    );
    assert!(refused(json!({"aud": "x".repeat(4_000)})).to_string().len() < 300);
}
