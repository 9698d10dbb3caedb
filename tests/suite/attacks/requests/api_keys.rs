//! Guesses of an API key by an attacker who knows a part of it, or its stored hash.

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_tests::with_checksum;

use crate::attacks::case::{Cases, Item};
use crate::attacks::forge;
use crate::attacks::world::World;

const CLASS: &str = "API keys";
const CHECKSUM: usize = 6;

pub(super) fn cases(world: &World, cases: &mut Cases) {
    let key = world.api_key.as_str();
    prefix(key, &mut cases.item(CLASS, "prefix"));
    extension(key, &mut cases.item(CLASS, "extension"));
    case(key, &mut cases.item(CLASS, "case"));
    own_hash(key, &mut cases.item(CLASS, "its own hash"));
}

fn send(item: &mut Item<'_>, name: impl Into<String>, key: impl Into<Vec<u8>>) {
    item.headers(name, [("x-api-key", key.into())]);
}

/// The parts of the key: prefix, id, secret.
fn pieces(key: &str) -> (&str, &str, &str) {
    let (head, secret) = key[..key.len() - CHECKSUM].rsplit_once('_').expect("a key");
    let (prefix, id) = head.rsplit_once('_').expect("a key");
    (prefix, id, secret)
}

fn prefix(key: &str, item: &mut Item<'_>) {
    let (prefix, id, secret) = pieces(key);
    assert_eq!(
        with_checksum(&format!("{prefix}_{id}_{secret}")),
        key,
        "the checksum is the format's"
    );
    send(item, "one character", &key[..1]);
    send(item, "half", &key[..key.len() / 2]);
    send(item, "all but the last character", &key[..key.len() - 1]);
    send(item, "all but the checksum", &key[..key.len() - CHECKSUM]);
    send(item, "the prefix alone", prefix);
    send(item, "the id alone", id);
    send(item, "prefix and id", format!("{prefix}_{id}"));
    send(
        item,
        "prefix and id, checked",
        with_checksum(&format!("{prefix}_{id}_")),
    );
    send(
        item,
        "a shorter secret, checked",
        with_checksum(&format!("{prefix}_{id}_{}", &secret[..secret.len() - 1])),
    );
    for kept in [0, 1, 13, 26] {
        let (known, rest) = secret.split_at(kept);
        // The secret may end in zeros, and would then be guessed.
        let digit = if rest.bytes().all(|b| b == b'0') {
            "1"
        } else {
            "0"
        };
        send(
            item,
            format!("{kept} characters of the secret, then one digit, checked"),
            with_checksum(&format!(
                "{prefix}_{id}_{known}{}",
                digit.repeat(rest.len())
            )),
        );
    }
    send(item, "all but the first character", &key[1..]);
}

fn extension(key: &str, item: &mut Item<'_>) {
    let (prefix, id, secret) = pieces(key);
    send(item, "a zero after it", format!("{key}0"));
    send(item, "an equals sign after it", format!("{key}="));
    send(item, "itself after it", format!("{key}{key}"));
    send(item, "an underscore after it", format!("{key}_"));
    send(item, "a letter before it", format!("x{key}"));
    send(item, "an underscore before it", format!("_{key}"));
    send(item, "Bearer before it", format!("Bearer {key}"));
    send(
        item,
        "a longer secret, checked",
        with_checksum(&format!("{prefix}_{id}_{secret}0")),
    );
    send(
        item,
        "another prefix, checked",
        with_checksum(&format!("{prefix}x_{id}_{secret}")),
    );
    send(
        item,
        "no prefix, checked",
        with_checksum(&format!("_{id}_{secret}")),
    );
    send(item, "a wildcard after it", format!("{key}*"));
    send(item, "a percent-encoded end", format!("{key}%00"));
}

fn case(key: &str, item: &mut Item<'_>) {
    let (prefix, id, secret) = pieces(key);
    let swapped = |text: &str| -> String {
        text.chars()
            .map(|c| {
                if c.is_ascii_uppercase() {
                    c.to_ascii_lowercase()
                } else {
                    c.to_ascii_uppercase()
                }
            })
            .collect()
    };
    send(item, "upper", key.to_uppercase());
    send(item, "lower", key.to_lowercase());
    send(item, "swapped", swapped(key));
    send(
        item,
        "prefix in upper case, checked",
        with_checksum(&format!("{}_{id}_{secret}", prefix.to_uppercase())),
    );
    send(
        item,
        "id swapped, checked",
        with_checksum(&format!("{prefix}_{}_{secret}", swapped(id))),
    );
    send(
        item,
        "secret swapped, checked",
        with_checksum(&format!("{prefix}_{id}_{}", swapped(secret))),
    );
    send(
        item,
        "secret in lower case, checked",
        with_checksum(&format!("{prefix}_{id}_{}", secret.to_lowercase())),
    );
    send(
        item,
        "secret in upper case, checked",
        with_checksum(&format!("{prefix}_{id}_{}", secret.to_uppercase())),
    );
    send(item, "checksum swapped", {
        let (digested, checksum) = key.split_at(key.len() - CHECKSUM);
        let other: String = swapped(checksum);
        // A secret of digits only would not change.
        let other = if other == checksum {
            "000000".to_owned()
        } else {
            other
        };
        format!("{digested}{other}")
    });
}

fn own_hash(key: &str, item: &mut Item<'_>) {
    let (prefix, id, _) = pieces(key);
    let digested = &key[..key.len() - CHECKSUM];
    for (of, text) in [("the key", key), ("what is digested", digested)] {
        let hash = digest(&SHA256, text.as_bytes());
        let hex: String = hash
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        send(item, format!("SHA-256 of {of} in hexadecimal"), &*hex);
        send(
            item,
            format!("SHA-256 of {of}, named"),
            format!("sha256:{hex}"),
        );
        send(
            item,
            format!("SHA-256 of {of} in base64"),
            STANDARD.encode(hash),
        );
        send(
            item,
            format!("SHA-256 of {of} in base64url"),
            forge::encode(hash),
        );
        send(
            item,
            format!("SHA-256 of {of} after the id"),
            format!("{prefix}_{id}_{hex}"),
        );
        send(
            item,
            format!("SHA-256 of {of} as the secret, checked"),
            with_checksum(&format!("{prefix}_{id}_{}", &hex[..27])),
        );
        let long: String = digest(&SHA512, text.as_bytes())
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        send(item, format!("SHA-512 of {of}"), long);
    }
}
