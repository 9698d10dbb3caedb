//! The allocations of a token: few before its signature is verified, and no more for a hostile token than for a valid one.

mod support;

use allocation_counter::{AllocationInfo, measure};
use portcullis_core::clock::UnixTime;
use portcullis_jose::TokenLimits;
use portcullis_jwt::{Algorithm, IssuerKeys, JwtVerifier, Profile};
use serde_json::{Value, json};
use support::{AUDIENCE, ISSUER, NOW, claims, claims_with, key_set, signer, strict, verifier};

/// Measures the verification of `token`.
fn cost(verifier: &JwtVerifier, token: &str, accepted: bool) -> AllocationInfo {
    let verify = || verifier.verify(token, UnixTime::from_secs(NOW)).is_ok();
    assert_eq!(verify(), accepted, "{token:.80}");
    measure(|| {
        verify();
    })
}

#[test]
fn p7_valid_token_allocates_little_beyond_its_principal() {
    let info = cost(&strict(), &signer().access_token(&claims()), true);
    assert!(info.count_total <= 13, "{info:?}");
}

#[test]
fn p7_token_rejected_before_its_signature_allocates_little() {
    let token = |header: &str| signer().sign(header, &claims().to_string());
    let long_payload = claims_with(json!({"x": "y".repeat(4_000)})).to_string();
    for hostile in [
        "a.b.c".to_owned(),
        ".".repeat(8_000),
        "x".repeat(1 << 20),
        token(r#"{"alg":"none"}"#),
        token(r#"{"alg":"HS256","kid":"key-1","typ":"at+jwt"}"#),
        token(r#"{"alg":"RS256","kid":"key-1","typ":"at+jwt"}"#),
        token(r#"{"alg":"EdDSA","kid":"key-1","typ":"JWT"}"#),
        token(r#"{"alg":"EdDSA","kid":"nobody","typ":"at+jwt"}"#),
        token(&format!(
            r#"{{"alg":"EdDSA","typ":"at+jwt","x":{}1{}}}"#,
            "[".repeat(100),
            "]".repeat(100)
        )),
        signer().sign(
            r#"{"alg":"EdDSA","kid":"nobody","typ":"at+jwt"}"#,
            &long_payload,
        ),
    ] {
        let info = cost(&strict(), &hostile, false);
        assert!(
            info.count_total <= 32 && info.bytes_total < 1_536,
            "{hostile:.80}: {info:?}"
        );
    }
}

#[test]
fn p7_forged_payload_is_not_decoded() {
    let members: Vec<String> = (0..700).map(|n| format!("\"{n}\":1")).collect();
    let mut token = signer().sign(
        r#"{"alg":"EdDSA","kid":"key-1","typ":"at+jwt"}"#,
        &format!("{{{}}}", members.join(",")),
    );
    assert!(token.len() <= TokenLimits::DEFAULT_TOKEN_BYTES);
    token.replace_range(token.len() - 4.., "AAAA");
    let info = cost(&strict(), &token, false);
    assert!(info.bytes_total < 1_536, "{info:?}");
}

#[test]
fn p7_allocations_for_signed_claims_are_bounded_by_the_token_length() {
    let many_members: Vec<String> = (0..600).map(|n| format!("\"x{n}\":1")).collect();
    let usual = claims().to_string();
    for claims in [
        format!("{{{},{}", many_members.join(","), &usual[1..]),
        claims_with(json!({"scope": vec!["s"; 1_000].join(" ")})).to_string(),
        claims_with(json!({"aud": (0..700).map(|n| n.to_string()).chain([AUDIENCE.to_owned()]).collect::<Vec<_>>()})).to_string(),
        claims_with(json!({"scope": vec!["\u{1f600}"; 500]})).to_string(),
    ] {
        let token = signer().sign(r#"{"alg":"EdDSA","kid":"key-1","typ":"at+jwt"}"#, &claims);
        assert!(token.len() <= TokenLimits::DEFAULT_TOKEN_BYTES, "{}", token.len());
        let info = cost(&strict(), &token, true);
        assert!(info.bytes_max < 40 * TokenLimits::DEFAULT_TOKEN_BYTES as u64, "{claims:.80}: {info:?}");
    }
}

#[test]
fn p7_allocations_for_roles_are_bounded_by_the_token_length() {
    let keycloak = verifier(Profile::keycloak()).build().expect("a verifier");
    let claims = |access: Value| {
        claims_with(json!({"typ": "Bearer", "azp": "billing", "realm_access": access})).to_string()
    };
    let members: serde_json::Map<_, _> = (0..500).map(|n| (n.to_string(), json!(1))).collect();
    for access in [
        json!({"roles": vec![1; 2_000]}),
        json!({"roles": vec![json!([]); 1_200]}),
        json!({"roles": vec!["a"; 1_000]}),
        json!(members),
    ] {
        let token = signer().sign(
            r#"{"alg":"EdDSA","kid":"key-1","typ":"JWT"}"#,
            &claims(access),
        );
        assert!(
            token.len() <= TokenLimits::DEFAULT_TOKEN_BYTES,
            "{}",
            token.len()
        );
        let info = cost(&keycloak, &token, true);
        assert!(
            info.bytes_max < 40 * TokenLimits::DEFAULT_TOKEN_BYTES as u64,
            "{info:?}"
        );
    }
    // Without roles, a token costs what it costs under any profile.
    let without = signer().sign(
        r#"{"alg":"EdDSA","kid":"key-1","typ":"JWT"}"#,
        &claims(Value::Null),
    );
    let info = cost(&keycloak, &without, true);
    assert!(info.count_total <= 13, "{info:?}");
}

#[test]
fn p7_only_listed_algorithms_reach_a_key() {
    let keys = IssuerKeys::fixed(ISSUER, key_set([&signer()])).expect("an issuer");
    let unlisted = JwtVerifier::of(&keys)
        .audience(AUDIENCE)
        .algorithms([Algorithm::RS256, Algorithm::EdDSA]);
    let verifier = unlisted.build().expect("a verifier");
    let token = signer().sign(
        r#"{"alg":"RS256","kid":"key-1","typ":"at+jwt"}"#,
        &claims().to_string(),
    );
    let info = cost(&verifier, &token, false);
    assert!(
        info.count_total <= 5,
        "a key for another algorithm costs no verification: {info:?}"
    );
}
