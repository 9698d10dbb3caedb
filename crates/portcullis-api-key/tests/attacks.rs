//! Attacks on keys by class, each with its expected response.

mod support;

use portcullis_api_key::{ApiKeys, KeyDigest, MemoryStore, NewKey};
use support::{Answer, send};

/// A valid key, and checks of the requests that an attacker derives from it.
struct Target {
    keys: ApiKeys,
    key: String,
    id: String,
    digest: String,
}

impl Target {
    fn new() -> Self {
        let store = MemoryStore::new();
        let issued = store.create(NewKey::new("victim")).expect("made");
        Self {
            key: issued.key().expose().to_owned(),
            id: issued.key().id().to_string(),
            digest: KeyDigest::of(issued.key(), None).to_string(),
            keys: ApiKeys::new(store),
        }
    }

    async fn refuses(&self, headers: &[(&str, &[u8])], status: u16, error: Option<&str>) {
        let shown = || {
            let shown = headers
                .iter()
                .map(|(name, value)| format!("{name}: {}", value.escape_ascii()));
            shown.collect::<Vec<_>>().join("\n")
        };
        let answer = send(&self.keys, headers).await;
        assert_eq!(answer.status, status, "{}", shown());
        assert!(answer.principal.is_none(), "{}", shown());
        let challenge = answer.challenge.as_deref().expect("a challenge");
        assert!(
            challenge.starts_with(r#"ApiKey realm="api""#),
            "{challenge}"
        );
        let code = challenge
            .split_once(r#"error=""#)
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(code, _)| code);
        assert_eq!(code, error, "{}", shown());
        self.assert_reveals_nothing(&answer);
    }

    fn assert_reveals_nothing(&self, answer: &Answer) {
        let secret = &self.key[self.key.len() - 33..];
        let challenge = answer.challenge.as_deref().unwrap_or_default();
        for text in [answer.body.as_str(), challenge] {
            assert!(
                !text.contains(secret) && !text.contains(&self.digest[7..]),
                "{text}"
            );
        }
    }

    /// Checks that the value is refused as an invalid key.
    async fn invalid(&self, value: impl AsRef<[u8]>) {
        let headers = [("x-api-key", value.as_ref())];
        self.refuses(&headers, 401, Some("invalid_token")).await;
    }

    /// Checks that the value is refused as a malformed credential.
    async fn malformed(&self, value: impl AsRef<[u8]>) {
        let headers = [("x-api-key", value.as_ref())];
        self.refuses(&headers, 400, Some("invalid_request")).await;
    }
}

#[tokio::test]
async fn valid_key_is_accepted_in_the_attack_setup() {
    let target = Target::new();
    let headers = [("x-api-key", target.key.as_bytes())];
    assert_eq!(send(&target.keys, &headers).await.status, 200);
    let headers = [("X-API-KEY", target.key.as_bytes())];
    assert_eq!(send(&target.keys, &headers).await.status, 200);
}

#[tokio::test]
async fn truncated_keys_are_rejected() {
    let target = Target::new();
    for length in 1..target.key.len() {
        target.invalid(&target.key[..length]).await;
    }
}

#[tokio::test]
async fn extended_keys_are_rejected() {
    let target = Target::new();
    for extension in ["0", "x", "_", "=", "%00", "\\0", "/", "?", "#", "000000"] {
        target.invalid(format!("{}{extension}", target.key)).await;
        target.invalid(format!("{extension}{}", target.key)).await;
    }
    target.invalid(target.key.repeat(2)).await;
    target.invalid("x".repeat(64 * 1024)).await;
    target
        .invalid(format!("{}{}", target.key, "x".repeat(64 * 1024)))
        .await;
}

#[tokio::test]
async fn keys_in_another_letter_case_are_rejected() {
    let target = Target::new();
    target.invalid(target.key.to_lowercase()).await;
    target.invalid(target.key.to_uppercase()).await;
    for (position, character) in target.key.char_indices() {
        if character.is_ascii_alphabetic() {
            let mut text = target.key.clone().into_bytes();
            text[position] ^= 0x20;
            target.invalid(text).await;
        }
    }
}

#[tokio::test]
async fn hash_of_a_key_is_rejected() {
    let target = Target::new();
    let hex = &target.digest["sha256:".len()..];
    target.invalid(&target.digest).await;
    target.invalid(hex).await;
    target.invalid(hex.to_uppercase()).await;
    target.invalid(&target.id).await;
    target
        .invalid(format!("portcullis_{}_{hex}", target.id))
        .await;
    target
        .invalid(format!("portcullis_{}_{}", target.id, &hex[..33]))
        .await;
}

#[tokio::test]
async fn comma_joined_keys_are_rejected() {
    let target = Target::new();
    let key = &target.key;
    target.invalid(format!("{key},{key}")).await;
    target.invalid(format!("{key},")).await;
    target.invalid(format!(",{key}")).await;
    target.invalid(format!("\"{key}\"")).await;
    target.invalid(format!("{key};{key}")).await;
    target.malformed(format!("{key}, {key}")).await;
    target.malformed(format!("wrong, {key}")).await;
}

#[tokio::test]
async fn key_header_sent_twice_is_rejected() {
    let target = Target::new();
    let key = target.key.as_bytes();
    for pair in [
        [key, key],
        [key, b"wrong"],
        [b"wrong", key],
        [b"", key],
        [key, b""],
    ] {
        let headers = [("x-api-key", pair[0]), ("X-API-Key", pair[1])];
        target.refuses(&headers, 400, Some("invalid_request")).await;
    }
}

#[tokio::test]
async fn key_in_a_similar_header_name_is_ignored() {
    let target = Target::new();
    for name in [
        "x_api_key",
        "x-api_key",
        "x-apikey",
        "api-key",
        "x-api-key-",
        "authorization",
    ] {
        let headers = [(name, target.key.as_bytes())];
        target.refuses(&headers, 401, None).await;
    }
    // They are ignored beside the right header too.
    let headers = [
        ("x_api_key", target.key.as_bytes()),
        ("x-api-key", b"wrong".as_slice()),
    ];
    target.refuses(&headers, 401, Some("invalid_token")).await;
}

#[tokio::test]
async fn malformed_keys_are_400() {
    let target = Target::new();
    let key = &target.key;
    target.malformed("").await;
    target.malformed(" ").await;
    target.malformed(format!(" {key}")).await;
    target.malformed(format!("{key} ")).await;
    target.malformed(format!("\t{key}")).await;
    target.malformed(format!("Bearer {key}")).await;
    target.malformed(format!("{key}\u{e9}")).await;
    for byte in [b' ', b'\t', 0x80, 0xff] {
        target.malformed([key.as_bytes(), &[byte]].concat()).await;
    }
}

#[tokio::test]
async fn other_credentials_sent_as_keys_are_rejected() {
    let target = Target::new();
    for text in [
        "null",
        "undefined",
        "*",
        "%",
        "'",
        "'or'1'='1",
        "../../../etc/passwd",
        "${jndi:ldap://x}",
        "{}",
        "[]",
        "!",
        "~",
        "portcullis__",
        "portcullis_____",
        "eyJhbGciOiJub25lIn0.e30.",
    ] {
        target.invalid(text).await;
    }
}
