//! Tokens that the issuer or its clients sign for other purposes, used as access tokens.

use portcullis_test::SigningAlgorithm::{ES256, EdDSA, RS256};
use portcullis_test::TokenBuilder;
use serde_json::json;

use crate::attacks::case::Cases;
use crate::attacks::world::{AUDIENCE, ISSUER, World, key, stranger};

const CLASS: &str = "other tokens used as access tokens";

pub(super) fn cases(world: &World, cases: &mut Cases) {
    id_token(world, cases);
    client_assertion(world, cases);
    dpop_proof(world, cases);
}

/// OpenID Connect Core §2.
fn id_token(world: &World, cases: &mut Cases) {
    let mut item = cases.item(CLASS, "ID token");
    let id_token = world
        .token()
        .typ("JWT")
        .subject("alice")
        .audience("demo")
        .claim("nonce", "n-0S6_WzA2Mj")
        .claim("auth_time", world.now.as_secs())
        .claim("at_hash", "77QmUPtjPfzWtF2AnpK9RQ")
        .claim("azp", "demo");
    let ours = || id_token.clone().audience(AUDIENCE);
    item.token("as issued", id_token.mint());
    item.token("no typ", id_token.clone().without_header("typ").mint());
    item.token("our audience", ours().mint());
    item.token("our audience, no typ", ours().without_header("typ").mint());
    item.token(
        "our audience beside the client",
        id_token
            .clone()
            .claim("aud", json!(["demo", AUDIENCE]))
            .mint(),
    );
    for typ in [
        "jwt",
        "application/jwt",
        "id+jwt",
        "id_token",
        "logout+jwt",
        "secevent+jwt",
        "",
    ] {
        item.token(format!("our audience, typ {typ:?}"), ours().typ(typ).mint());
    }
    for typ in [
        "at+jwt ",
        " at+jwt",
        "at+jwt;v=1",
        "application/application/at+jwt",
        "text/at+jwt",
        "at_jwt",
    ] {
        item.token(format!("our audience, typ {typ:?}"), ours().typ(typ).mint());
    }
    item.token(
        "our audience, typ null",
        ours().header("typ", json!(null)).mint(),
    );
    item.token(
        "our audience, typ in a list",
        ours().header("typ", json!(["at+jwt"])).mint(),
    );
    item.token(
        "typed as an access token, as issued",
        id_token
            .typ("at+jwt")
            .without_claim("client_id")
            .without_claim("jti")
            .mint(),
    );
}

/// RFC 7523 §3.
fn client_assertion(world: &World, cases: &mut Cases) {
    let mut item = cases.item(CLASS, "client assertion");
    for (signer, signing) in [
        ("the client's key", stranger(ES256)),
        ("a published key", key(ES256)),
    ] {
        let assertion = world
            .token_by(&signing)
            .typ("JWT")
            .claim("iss", "demo")
            .subject("demo")
            .audience(ISSUER)
            .without_claim("client_id")
            .without_claim("scope");
        item.token(
            format!("as sent to the issuer, by {signer}"),
            assertion.mint(),
        );
        item.token(
            format!("typ client-authentication+jwt, by {signer}"),
            assertion.clone().typ("client-authentication+jwt").mint(),
        );
        item.token(
            format!("typ at+jwt, by {signer}"),
            assertion.clone().typ("at+jwt").mint(),
        );
        item.token(
            format!("typ at+jwt and our audience, by {signer}"),
            assertion.clone().typ("at+jwt").audience(AUDIENCE).mint(),
        );
        let posing = assertion
            .typ("at+jwt")
            .claim("iss", ISSUER)
            .audience(AUDIENCE);
        item.token(
            format!("posing as the issuer's, by {signer}"),
            posing.mint(),
        );
    }
}

/// RFC 9449 §4.2.
fn dpop_proof(world: &World, cases: &mut Cases) {
    let mut item = cases.item(CLASS, "DPoP proof");
    for algorithm in [ES256, EdDSA, RS256] {
        let holder = stranger(algorithm);
        let proof = |token: TokenBuilder| {
            token
                .typ("dpop+jwt")
                .header("jwk", holder.public_jwk())
                .claim("htm", "GET")
                .claim("htu", "https://orders.example.com/orders")
        };
        let bare = proof(world.token_by(&holder))
            .without_header("kid")
            .without_claim("iss")
            .without_claim("aud")
            .without_claim("exp")
            .without_claim("sub")
            .without_claim("client_id")
            .without_claim("scope");
        item.token(format!("{algorithm}, as sent"), bare.mint());
        item.token(
            format!("{algorithm}, typed as an access token"),
            bare.clone().typ("at+jwt").mint(),
        );
        item.token(
            format!("{algorithm}, with the claims of an access token"),
            proof(world.token_by(&holder)).typ("at+jwt").mint(),
        );
        item.token(
            format!("{algorithm}, by a published key"),
            proof(world.token_by(&key(algorithm))).mint(),
        );
    }
    // RFC 9449 §7.2: a bound token is not a bearer token, with or without its proof.
    let bound = world
        .token()
        .claim("cnf", json!({ "jkt": stranger(ES256).thumbprint() }))
        .mint();
    item.token("a bound token without its proof", &*bound);
    item.headers(
        "a bound token beside something for a proof",
        [
            ("authorization", format!("Bearer {bound}")),
            ("dpop", bound.clone()),
        ],
    );
    for (name, cnf) in [
        ("null", json!(null)),
        ("an empty object", json!({})),
        ("a string", json!("x")),
        ("false", json!(false)),
    ] {
        item.token(
            format!("bound by {name}"),
            world.token().claim("cnf", cnf).mint(),
        );
    }
}
