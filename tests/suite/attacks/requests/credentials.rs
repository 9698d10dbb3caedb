//! More than one credential, and credentials in places where none is read.

use crate::attacks::case::{Cases, Item};
use crate::attacks::world::World;

const CLASS: &str = "headers";

const AUTHORIZATION: &str = "authorization";
const API_KEY: &str = "x-api-key";

pub(super) fn cases(world: &World, cases: &mut Cases) {
    let good = Good {
        token: world.token().mint(),
        other: world.token().subject("other").mint(),
        bearer: format!("Bearer {}", world.token().mint()),
        key: world.api_key.clone(),
    };
    two_authorization(&good, &mut cases.item(CLASS, "two of Authorization"));
    two_keys(&good, &mut cases.item(CLASS, "two of X-API-Key"));
    token_and_key(&good, &mut cases.item(CLASS, "a token and a key"));
    comma_joined(&good, &mut cases.item(CLASS, "comma-joined"));
    underscores(&good, &mut cases.item(CLASS, "underscore header names"));
    wrong_place(
        &good,
        &mut cases.item(CLASS, "a credential in the wrong place"),
    );
    malformed_credential(&good, &mut cases.item(CLASS, "malformed credential"));
    read_differently(
        &good,
        &mut cases.item(CLASS, "lines that proxies may read differently"),
    );
}

struct Good {
    token: String,
    other: String,
    bearer: String,
    key: String,
}

fn two_authorization(good: &Good, item: &mut Item<'_>) {
    let Good { bearer, other, .. } = good;
    let other = format!("Bearer {other}");
    for (name, first, second) in [
        ("the same token twice", bearer.as_str(), bearer.as_str()),
        ("two good tokens", bearer, &other),
        ("a good token, then a bad one", bearer, "Bearer bad"),
        ("a bad token, then a good one", "Bearer bad", bearer),
        ("two bad tokens", "Bearer bad", "Bearer worse"),
        ("Basic, then a good token", "Basic dTpw", bearer),
        ("a good token, then Basic", bearer, "Basic dTpw"),
        ("a good token, then nothing", bearer, ""),
        ("nothing, then a good token", "", bearer),
        ("two of another scheme", "Basic dTpw", "Digest x"),
    ] {
        item.headers(name, [(AUTHORIZATION, first), (AUTHORIZATION, second)]);
    }
    item.headers(
        "names in two spellings",
        [
            ("Authorization", bearer.as_str()),
            ("AUTHORIZATION", bearer),
        ],
    );
    item.headers("three", vec![(AUTHORIZATION, bearer.as_str()); 3]);
    item.headers("fifty", vec![(AUTHORIZATION, bearer.as_str()); 50]);
}

fn two_keys(good: &Good, item: &mut Item<'_>) {
    let key = good.key.as_str();
    for (name, first, second) in [
        ("the same key twice", key, key),
        ("a good key, then a bad one", key, "bad"),
        ("a bad key, then a good one", "bad", key),
        ("a good key, then nothing", key, ""),
        ("nothing, then a good key", "", key),
        ("two bad keys", "bad", "worse"),
    ] {
        item.headers(name, [(API_KEY, first), (API_KEY, second)]);
    }
    item.headers(
        "names in two spellings",
        [("X-Api-Key", key), ("X-API-KEY", key)],
    );
    item.headers("fifty", vec![(API_KEY, key); 50]);
}

fn token_and_key(good: &Good, item: &mut Item<'_>) {
    let Good { bearer, key, .. } = good;
    for (name, authorization, api_key) in [
        ("both good", bearer.as_str(), key.as_str()),
        ("a good token and a bad key", bearer, "bad"),
        ("a bad token and a good key", "Bearer bad", key),
        ("both bad", "Bearer bad", "bad"),
        ("a good token and an empty key", bearer, ""),
        ("an empty token and a good key", "Bearer", key),
        ("no scheme and a good key", "", key),
        ("a token with a comma and a good key", "Bearer a,b", key),
    ] {
        item.headers(name, [(AUTHORIZATION, authorization), (API_KEY, api_key)]);
        item.headers(
            format!("{name}, the key first"),
            [(API_KEY, api_key), (AUTHORIZATION, authorization)],
        );
    }
}

fn wrong_place(good: &Good, item: &mut Item<'_>) {
    let Good {
        token, bearer, key, ..
    } = good;
    for (name, header, value) in [
        (
            "a key as a bearer token",
            AUTHORIZATION,
            format!("Bearer {key}"),
        ),
        (
            "a key under its scheme",
            AUTHORIZATION,
            format!("ApiKey {key}"),
        ),
        ("a bare key", AUTHORIZATION, key.clone()),
        ("a key in another header", "api-key", key.clone()),
        ("a key in a cookie", "cookie", format!("key={key}")),
        ("a bare token", AUTHORIZATION, token.clone()),
        (
            "a token under another scheme",
            AUTHORIZATION,
            format!("Token {token}"),
        ),
        ("a token as a key", API_KEY, token.clone()),
        ("a bearer token as a key", API_KEY, bearer.clone()),
        ("a token in another header", "x-access-token", token.clone()),
        ("a token as a proof", "dpop", token.clone()),
    ] {
        item.headers(name, [(header, value)]);
    }
}

fn comma_joined(good: &Good, item: &mut Item<'_>) {
    let Good {
        token, bearer, key, ..
    } = good;
    for (name, value) in [
        ("two tokens", format!("{bearer},{token}")),
        ("two tokens and a space", format!("{bearer}, {token}")),
        ("two whole credentials", format!("{bearer},{bearer}")),
        (
            "two whole credentials and a space",
            format!("{bearer}, {bearer}"),
        ),
        ("Basic and a token", format!("Basic dTpw, {bearer}")),
        ("a token and Basic", format!("{bearer}, Basic dTpw")),
        ("a comma after", format!("{bearer},")),
        ("a comma before", format!(",{bearer}")),
        ("a comma after the scheme", format!("Bearer,{token}")),
        ("auth-params", format!("Bearer token=\"{token}\"")),
        ("a semicolon", format!("{bearer};{token}")),
    ] {
        item.headers(name, [(AUTHORIZATION, value)]);
    }
    for (name, value) in [
        ("two keys", format!("{key},{key}")),
        ("two keys and a space", format!("{key}, {key}")),
        ("a comma after a key", format!("{key},")),
        ("a comma before a key", format!(",{key}")),
        ("a key in quotes", format!("\"{key}\"")),
        ("a key and a bad one", format!("{key},bad")),
    ] {
        item.headers(name, [(API_KEY, value)]);
    }
}

fn underscores(good: &Good, item: &mut Item<'_>) {
    let Good { bearer, key, .. } = good;
    for name in [
        "x_api_key",
        "X_API_KEY",
        "X_Api-Key",
        "X-Api_Key",
        "HTTP_X_API_KEY",
        "X-API-Key_",
        "_X-API-Key",
        "XAPIKey",
        "api-key",
        "x-api-keys",
        "x--api-key",
        "x-original-x-api-key",
    ] {
        item.headers(name, [(name, key.as_str())]);
    }
    for name in [
        "HTTP_AUTHORIZATION",
        "Authorization_",
        "_Authorization",
        "Auth_orization",
        "X-Authorization",
        "Proxy-Authorization",
        "X-Forwarded-Authorization",
        "X-Original-Authorization",
        "Authentication",
        "Cookie",
    ] {
        item.headers(name, [(name, bearer.as_str())]);
    }
    item.headers(
        "x_api_key beside a bad token",
        [("x_api_key", key.as_str()), (AUTHORIZATION, "Bearer bad")],
    );
    item.headers(
        "HTTP_AUTHORIZATION beside a bad key",
        [("HTTP_AUTHORIZATION", bearer.as_str()), (API_KEY, "bad")],
    );
}

fn malformed_credential(good: &Good, item: &mut Item<'_>) {
    let Good {
        token, bearer, key, ..
    } = good;
    for (name, value) in [
        ("an empty header", String::new()),
        ("a scheme alone", "Bearer".to_owned()),
        ("a tab for a space", format!("Bearer\t{token}")),
        ("a space within", format!("{bearer} x")),
        ("a tab after the space", format!("Bearer \t{token}")),
        ("quotes", format!("Bearer \"{token}\"")),
        ("a colon for a scheme", format!(": {token}")),
        ("no octet of ASCII", "Bearer \u{e9}\u{e9}\u{e9}".to_owned()),
    ] {
        item.headers(name, [(AUTHORIZATION, value)]);
    }
    for (name, value) in [
        ("the token without a scheme", token.clone()),
        ("a longer scheme", format!("Bearers {token}")),
        ("a shorter scheme", format!("Beare {token}")),
        ("Basic", "Basic dTpw".to_owned()),
        ("DPoP", format!("DPoP {token}")),
        ("the key as another scheme", format!("ApiKey {key}")),
        (
            "a scheme and its token without a space",
            format!("Bearer{token}"),
        ),
    ] {
        item.headers(name, [(AUTHORIZATION, value)]);
    }
    for (name, value) in [
        ("an empty key", String::new()),
        ("a space within the key", key.replace('_', " ")),
        ("a tab within the key", key.replacen('_', "\t", 1)),
        ("a key not in ASCII", format!("{key}\u{e9}")),
    ] {
        item.headers(name, [(API_KEY, value)]);
    }
    item.headers(
        "the key as a bearer token",
        [(AUTHORIZATION, format!("Bearer {key}"))],
    );
    item.headers("the token as a key", [(API_KEY, token.as_str())]);
}

/// The HTTP server refuses most of these before any layer sees them, so there is no challenge.
fn read_differently(good: &Good, item: &mut Item<'_>) {
    let Good { bearer, key, .. } = good;
    let mut raw = |name: &str, lines: &str| {
        item.raw(
            name,
            format!("GET /orders HTTP/1.1\r\nhost: orders\r\n{lines}\r\n\r\n"),
        );
    };
    raw(
        "a space before the colon",
        &format!("Authorization : {bearer}"),
    );
    raw(
        "a space before the name",
        &format!("x: y\r\n Authorization: {bearer}"),
    );
    raw(
        "a value folded over two lines",
        &format!("Authorization:\r\n {bearer}"),
    );
    raw("no colon", &format!("Authorization {bearer}"));
    raw("NUL in the value", &format!("Authorization: {bearer}\0"));
    raw(
        "CR in the value",
        &format!("Authorization: Bearer x\rX-API-Key: {key}"),
    );
    raw(
        "LF alone ends a line",
        &format!("x: y\nX-API-Key: {key}\nX-API-Key: bad"),
    );
    raw("NUL in the name", &format!("X-API\0-Key: {key}"));
    raw("DEL in the key", &format!("X-API-Key: {key}\x7f"));
    raw(
        "a body that holds another request",
        &format!(
            "content-length: 4\r\ntransfer-encoding: chunked\r\nX-API-Key: bad\r\n\r\n0\r\n\r\nGET /orders HTTP/1.1\r\nX-API-Key: {key}"
        ),
    );
    raw(
        "two lengths",
        &format!("content-length: 0\r\ncontent-length: 5\r\nX-API-Key: {key}"),
    );
    let in_query = |name: &str| {
        format!(
            "GET /orders?{name}={} HTTP/1.1\r\nhost: orders\r\n\r\n",
            good.token
        )
    };
    item.raw("the token in the query", in_query("access_token"));
    item.raw(
        "the key in the query",
        in_query("api_key").replace(&good.token, key),
    );
}
