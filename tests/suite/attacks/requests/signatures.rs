//! Invalid signatures, and valid signatures over other content.

use portcullis_test::SigningAlgorithm::{self, ES256, ES384, ES512, EdDSA, RS256};
use serde_json::Value;

use crate::attacks::case::{Cases, Item};
use crate::attacks::forge;
use crate::attacks::world::{PUBLISHED, World, key, stranger};

const CLASS: &str = "signatures";
const ECDSA: [SigningAlgorithm; 3] = [ES256, ES384, ES512];

/// The order of P-256, big-endian (SEC 2 §2.4.2).
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

pub(super) fn cases(world: &World, cases: &mut Cases) {
    zero(world, cases);
    der(world, &mut cases.item(CLASS, "DER"));
    truncated(world, cases);
    extended(world, cases);
    payload_swapped(world, cases);
    same_kid_other_key(world, cases);
}

fn zero(world: &World, cases: &mut Cases) {
    let mut item = cases.item(CLASS, "zero");
    for algorithm in PUBLISHED {
        let token = world.token_by(&key(algorithm)).mint();
        let length = forge::signature(&token).len();
        item.token(
            format!("{algorithm}, only zeros"),
            forge::with_signature(&token, vec![0; length]),
        );
        item.token(
            format!("{algorithm}, only ones"),
            forge::with_signature(&token, vec![0xff; length]),
        );
        item.token(format!("{algorithm}, one"), {
            let mut one = vec![0; length];
            one[length - 1] = 1;
            forge::with_signature(&token, one)
        });
    }
    for algorithm in ECDSA {
        let token = world.token_by(&key(algorithm)).mint();
        let signature = forge::signature(&token);
        let (r, s) = signature.split_at(signature.len() / 2);
        let zero = vec![0; r.len()];
        let with = |r: &[u8], s: &[u8]| forge::with_signature(&token, [r, s].concat());
        item.token(format!("{algorithm}, r zero"), with(&zero, s));
        item.token(format!("{algorithm}, s zero"), with(r, &zero));
    }
    let token = world.token().mint();
    let signature = forge::signature(&token);
    let (r, s) = signature.split_at(32);
    let with = |r: &[u8], s: &[u8]| forge::with_signature(&token, [r, s].concat());
    // Zero modulo the order.
    item.token("ES256, both the order", with(&P256_ORDER, &P256_ORDER));
    item.token("ES256, r the order", with(&P256_ORDER, s));
    item.token("ES256, s the order", with(r, &P256_ORDER));
}

fn der(world: &World, item: &mut Item<'_>) {
    for algorithm in ECDSA {
        let token = world.token_by(&key(algorithm)).mint();
        let signature = forge::signature(&token);
        let (r, s) = signature.split_at(signature.len() / 2);
        let sequence = sequence(&integer(r), &integer(s));
        let with = |signature: &[u8]| forge::with_signature(&token, signature);
        item.token(format!("{algorithm}"), with(&sequence));
        item.token(
            format!("{algorithm}, a zero after it"),
            with(&[&sequence[..], &[0]].concat()),
        );
        let mut cut = sequence.clone();
        cut.truncate(signature.len());
        item.token(
            format!("{algorithm}, cut to the length of r and s"),
            with(&cut),
        );
        let mut filled = vec![0; r.len() * 2 + 16];
        filled[..sequence.len()].copy_from_slice(&sequence);
        item.token(format!("{algorithm}, filled with zeros"), with(&filled));
        let doubled = self::sequence(
            &[&[0x02, 0x01, 0x00][..], &integer(r)].concat(),
            &integer(s),
        );
        item.token(format!("{algorithm}, a third integer"), with(&doubled));
    }
}

/// A DER SEQUENCE of two elements (X.690 §8.9).
fn sequence(one: &[u8], other: &[u8]) -> Vec<u8> {
    let length = one.len() + other.len();
    let mut der = vec![0x30];
    if length >= 0x80 {
        der.push(0x81);
    }
    der.push(u8::try_from(length).expect("short"));
    [&der, one, other].concat()
}

/// A DER INTEGER (X.690 §8.3).
fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = &number[zeros..];
    let sign = usize::from(number.first().is_none_or(|byte| *byte >= 0x80));
    let length = u8::try_from(number.len() + sign).expect("short");
    [&[0x02, length], &[0][..sign], number].concat()
}

fn truncated(world: &World, cases: &mut Cases) {
    let mut item = cases.item(CLASS, "truncated");
    for algorithm in PUBLISHED {
        let token = world.token_by(&key(algorithm)).mint();
        let signature = forge::signature(&token);
        let with = |signature: &[u8]| forge::with_signature(&token, signature);
        let length = signature.len();
        item.token(format!("{algorithm}, to nothing"), with(&[]));
        item.token(format!("{algorithm}, to one octet"), with(&signature[..1]));
        item.token(
            format!("{algorithm}, to the first half"),
            with(&signature[..length / 2]),
        );
        item.token(
            format!("{algorithm}, to the second half"),
            with(&signature[length / 2..]),
        );
        item.token(
            format!("{algorithm}, by the last octet"),
            with(&signature[..length - 1]),
        );
        item.token(
            format!("{algorithm}, by the first octet"),
            with(&signature[1..]),
        );
    }
    // Part of an octet.
    let token = world.token().mint();
    item.token("by the last character", &token[..token.len() - 1]);
}

fn extended(world: &World, cases: &mut Cases) {
    let mut item = cases.item(CLASS, "extended");
    for algorithm in PUBLISHED {
        let token = world.token_by(&key(algorithm)).mint();
        let signature = forge::signature(&token);
        let with = |parts: &[&[u8]]| forge::with_signature(&token, parts.concat());
        item.token(
            format!("{algorithm}, a zero after it"),
            with(&[&signature, &[0]]),
        );
        item.token(
            format!("{algorithm}, a zero before it"),
            with(&[&[0], &signature]),
        );
        item.token(
            format!("{algorithm}, twice"),
            with(&[&signature, &signature]),
        );
        item.token(
            format!("{algorithm}, to 2000 octets"),
            with(&[&signature, &[7; 2000]]),
        );
    }
    for algorithm in ECDSA {
        let token = world.token_by(&key(algorithm)).mint();
        let signature = forge::signature(&token);
        let (r, s) = signature.split_at(signature.len() / 2);
        let widened = [&[0], r, &[0], s].concat();
        item.token(
            format!("{algorithm}, r and s with a leading zero"),
            forge::with_signature(&token, widened),
        );
    }
    let token = world.token().mint();
    item.token("by padding", format!("{token}=="));
    item.token("by a character outside base64url", format!("{token}+"));
    // 64 octets leave four unused bits in the last character.
    let last = token.chars().last().expect("a signature");
    let stray = char::from(u8::try_from(last).expect("ASCII") + 1);
    item.token(
        "by stray bits",
        format!("{}{stray}", &token[..token.len() - 1]),
    );
}

fn payload_swapped(world: &World, cases: &mut Cases) {
    let mut item = cases.item("payload swapped under a kept signature", "payload swapped");
    for algorithm in [ES256, RS256, EdDSA] {
        let good = world.token_by(&key(algorithm)).mint();
        let [header, payload, signature] = forge::parts(&good);
        let claims: Value = serde_json::from_slice(&forge::decode(payload)).expect("claims");
        let mut swap = |name: &str, change: fn(&mut Value)| {
            let mut claims = claims.clone();
            change(&mut claims);
            let payload = forge::encode(claims.to_string());
            item.token(
                format!("{algorithm}, {name}"),
                format!("{header}.{payload}.{signature}"),
            );
        };
        swap("more scope", |claims| {
            claims["scope"] = "orders:read orders:admin".into()
        });
        swap("another subject", |claims| claims["sub"] = "admin".into());
        swap("a later exp", |claims| {
            claims["exp"] = (claims["exp"].as_u64().unwrap_or(0) + 600).into()
        });
        swap("an extra claim", |claims| claims["admin"] = true.into());
        swap("a missing claim", |claims| {
            claims.as_object_mut().expect("claims").remove("nbf");
            claims.as_object_mut().expect("claims").remove("jti");
        });
        let spaced = String::from_utf8(forge::decode(payload))
            .expect("JSON")
            .replacen('{', "{ ", 1);
        item.token(
            format!("{algorithm}, the same with a space in it"),
            format!("{header}.{}.{signature}", forge::encode(spaced)),
        );
        let other = world.token_by(&key(algorithm)).subject("other").mint();
        let [_, other_payload, other_signature] = forge::parts(&other);
        item.token(
            format!("{algorithm}, another good token's payload"),
            format!("{header}.{other_payload}.{signature}"),
        );
        item.token(
            format!("{algorithm}, another good token's signature"),
            format!("{header}.{payload}.{other_signature}"),
        );
        let typed = world
            .token_by(&key(algorithm))
            .typ("application/at+jwt")
            .mint();
        item.token(
            format!("{algorithm}, another good header"),
            format!("{}.{payload}.{signature}", forge::parts(&typed)[0]),
        );
    }
}

fn same_kid_other_key(world: &World, cases: &mut Cases) {
    let mut item = cases.item("same kid, other key", "same kid, other key");
    for algorithm in PUBLISHED {
        let kid = algorithm.as_str().to_lowercase();
        let stranger = stranger(algorithm).with_kid(&kid);
        item.token(format!("{algorithm}"), world.token_by(&stranger).mint());
        let all = world
            .token_by(&stranger)
            .scope("orders:read orders:write orders:admin");
        item.token(format!("{algorithm}, with every scope"), all.mint());
    }
    let neighbour = key(RS256).with_kid("rsa");
    item.token(
        "a published key under the kid of another",
        world.token_by(&neighbour).mint(),
    );
}
