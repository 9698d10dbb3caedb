//! Several issuers behind one scheme.

mod support;

use http::{Request, StatusCode};
use portcullis_core::{
    Principal,
    facts::FactFinders,
    scheme::{Failure, Head, Outcome, Scheme},
};
use portcullis_jwt::{Algorithm, Bearer, IssuerKeys, JwtVerifier, Profile, TrustedIssuers};
use serde_json::{Value, json};
use support::{
    AUDIENCE, ISSUER, ManualClock, PARTNER, Signer, claims_with, partner_signer, signer,
};

fn verifier_of(issuer: &str, signer: &Signer, audience: &str) -> JwtVerifier {
    let keys = IssuerKeys::fixed(issuer, signer.key_set()).expect("an issuer");
    JwtVerifier::of(&keys)
        .audience(audience)
        .algorithms([Algorithm::EdDSA])
        .build()
        .expect("a verifier")
}

fn internal() -> JwtVerifier {
    verifier_of(ISSUER, &signer(), AUDIENCE)
}

fn partner() -> JwtVerifier {
    verifier_of(PARTNER, &partner_signer(), "urn:partner:orders")
}

fn scheme(trusted: &TrustedIssuers) -> Bearer {
    Bearer::trusting(trusted)
        .clock(ManualClock::new().shared())
        .build()
        .expect("a scheme")
}

fn send(bearer: &Bearer, signer: &Signer, changes: Value) -> Result<Principal, Failure> {
    judge(bearer, &signer.access_token(&claims_with(changes)))
}

fn judge(bearer: &Bearer, token: &str) -> Result<Principal, Failure> {
    let request = Request::new(());
    match bearer.authenticate(
        &Head::new(&request, &FactFinders::default()),
        token.as_bytes(),
    ) {
        Outcome::Done(result) => result,
        Outcome::Pending(_) => panic!("the outcome is pending"),
    }
}

fn from_partner() -> Value {
    json!({"iss": PARTNER, "aud": "urn:partner:orders"})
}

#[test]
fn each_issuer_has_its_own_keys_and_rules() {
    let trusted = TrustedIssuers::new([internal(), partner()]).expect("two issuers");
    let bearer = scheme(&trusted);
    assert_eq!(
        send(&bearer, &signer(), json!({}))
            .expect("accepted")
            .issuer(),
        Some(ISSUER)
    );
    assert_eq!(
        send(&bearer, &partner_signer(), from_partner())
            .expect("accepted")
            .issuer(),
        Some(PARTNER)
    );
    let other_rules = send(&bearer, &partner_signer(), json!({"iss": PARTNER}));
    assert_eq!(
        other_rules
            .expect_err("the audience of the other issuer")
            .kind()
            .status(),
        StatusCode::UNAUTHORIZED
    );
}

#[test]
fn p4_key_of_one_issuer_never_verifies_a_token_of_another() {
    let trusted = TrustedIssuers::new([internal(), partner()]).expect("two issuers");
    let bearer = scheme(&trusted);
    let forged = send(&bearer, &partner_signer(), json!({}));
    assert_eq!(
        forged.expect_err("forged").external(),
        "the token's signature does not hold"
    );
    let forged = send(&bearer, &signer(), from_partner());
    assert_eq!(
        forged.expect_err("forged").external(),
        "the token's signature does not hold"
    );
}

#[test]
fn untrusted_issuer_is_401_before_any_cryptography() {
    let bearer = scheme(&TrustedIssuers::new([internal(), partner()]).expect("two issuers"));
    let issuers = [
        json!("https://issuer.example.com/"),
        json!("https://ISSUER.example.com"),
        json!("https://issuer.example.com.evil.net"),
        json!([ISSUER]),
        json!(null),
        json!(1),
    ];
    for iss in issuers {
        let failure = send(&bearer, &signer(), json!({"iss": iss})).expect_err("not trusted");
        assert_eq!(
            failure.external(),
            "the token's issuer is not accepted",
            "{iss}"
        );
        assert_eq!(failure.kind().status(), StatusCode::UNAUTHORIZED);
    }
}

#[test]
fn j2_token_with_two_issuers_is_rejected() {
    let bearer = scheme(&TrustedIssuers::new([internal(), partner()]).expect("two issuers"));
    for (first, second) in [(ISSUER, PARTNER), (PARTNER, ISSUER)] {
        let claims = claims_with(json!({"iss": null})).to_string();
        let claims = format!(r#"{{"iss":"{first}","iss":"{second}",{}"#, &claims[1..]);
        let header = r#"{"alg":"EdDSA","kid":"key-1","typ":"at+jwt"}"#;
        for signer in [signer(), partner_signer()] {
            let token = signer.sign(header, &claims);
            assert!(judge(&bearer, &token).is_err(), "{first}");
        }
    }
}

#[test]
fn issuers_can_be_added_and_removed_at_run_time() {
    let trusted = TrustedIssuers::new([internal()]).expect("one issuer");
    let bearer = scheme(&trusted);
    assert!(send(&bearer, &partner_signer(), from_partner()).is_err());
    trusted.add(partner()).expect("a new issuer");
    assert!(send(&bearer, &partner_signer(), from_partner()).is_ok());
    assert!(send(&bearer, &signer(), json!({})).is_ok());
    assert!(trusted.remove(PARTNER) && !trusted.remove(PARTNER));
    assert!(send(&bearer, &partner_signer(), from_partner()).is_err());
    assert_eq!(trusted.issuers().len(), 1);
}

#[test]
fn replaced_rules_apply_and_duplicate_issuers_are_errors() {
    let trusted = TrustedIssuers::new([partner()]).expect("one issuer");
    let bearer = scheme(&trusted);
    assert_eq!(
        trusted.add(partner()).expect_err("known").setting(),
        "issuer"
    );
    assert!(TrustedIssuers::new([partner(), partner()]).is_err());
    trusted.replace(verifier_of(PARTNER, &partner_signer(), "urn:other"));
    assert!(send(&bearer, &partner_signer(), from_partner()).is_err());
    assert!(
        send(
            &bearer,
            &partner_signer(),
            json!({"iss": PARTNER, "aud": "urn:other"})
        )
        .is_ok()
    );
    assert_eq!(trusted.issuers().len(), 1);
}

#[test]
fn empty_issuer_list_rejects_every_token() {
    let bearer = scheme(&TrustedIssuers::new([]).expect("no issuers"));
    assert!(send(&bearer, &signer(), json!({})).is_err());
}

#[test]
fn each_issuer_can_have_its_own_profile() {
    let keys = IssuerKeys::fixed(PARTNER, partner_signer().key_set()).expect("an issuer");
    let okta = JwtVerifier::of(&keys)
        .audience(AUDIENCE)
        .algorithms([Algorithm::EdDSA])
        .profile(Profile::okta())
        .build()
        .expect("a verifier");
    let bearer = scheme(&TrustedIssuers::new([internal(), okta]).expect("two issuers"));
    let shape =
        json!({"iss": PARTNER, "client_id": null, "cid": "billing", "scp": ["a"], "ver": 1});
    assert!(send(&bearer, &partner_signer(), shape).is_ok());
    assert!(send(&bearer, &signer(), json!({})).is_ok());
}
