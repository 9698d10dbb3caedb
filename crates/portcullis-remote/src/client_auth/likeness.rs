//! Tells what was mistaken for a client's secret. A secret is shown to the authorization server; a private key never is.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use x509_cert::der::{Decode, Tag, Tagged, asn1::AnyRef};
use zeroize::Zeroizing;

/// What is the matter with a secret, or with a file of them, that cannot be meant to be one.
pub(super) fn mistake(text: &[u8]) -> Option<&'static str> {
    if is_key(text) || decoded(text).is_some_and(|bytes| is_key(&bytes)) {
        return Some(
            "it looks like a key or a certificate, which is not shown to the server as a secret is: is it meant for \
             `private_key_jwt`?",
        );
    }
    // UTF-16 hides what would be found above.
    text.contains(&0)
        .then_some("it has NUL characters, as text that was saved as UTF-16 has: save it as UTF-8")
}

/// Whether there is a key or a certificate in it, in PEM or in SSH's, PuTTY's or XML's way, as a JWK, or in DER.
fn is_key(text: &[u8]) -> bool {
    let holds = |part: &[u8]| text.windows(part.len()).any(|found| found == part);
    let is_marked = [
        &b"-----BEGIN "[..],
        b"---- BEGIN ",
        b"PuTTY-User-Key-File-",
        b"<RSAKeyValue>",
    ]
    .into_iter()
    .any(holds);
    is_marked || holds(b"{") && holds(br#""kty""#) || is_der(text)
}

/// A sequence that is there whole, and begins as a private key does (RFC 5958 §2, RFC 8017 A.1.2, RFC 5915 §3) or as a
/// certificate: no random secret does both.
fn is_der(bytes: &[u8]) -> bool {
    AnyRef::from_der(bytes).is_ok_and(|any| {
        let begins = |with: &[u8]| any.value().starts_with(with);
        any.tag() == Tag::Sequence
            && (begins(&[2, 1, 0]) || begins(&[2, 1, 1]) || begins(&[0x30, 0x82]))
    })
}

/// What it is in base64 of, in any of the ways to write that.
fn decoded(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );

    let mut standard = Zeroizing::new(Vec::with_capacity(text.len()));
    standard.extend(text.iter().filter_map(|byte| match byte {
        b'-' => Some(b'+'),
        b'_' => Some(b'/'),
        byte => (!byte.is_ascii_whitespace()).then_some(*byte),
    }));
    LENIENT.decode(&*standard).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        encoding::AsDer,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair},
    };
    use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

    use super::*;

    fn is_taken_for_a_key(text: impl AsRef<[u8]>) -> bool {
        mistake(text.as_ref()).is_some_and(|why| why.contains("private_key_jwt"))
    }

    /// A key in the ways that keys are kept.
    fn keys() -> Vec<Vec<u8>> {
        let ed25519 = Ed25519KeyPair::generate().expect("a key");
        let ed25519_v1 = ed25519.to_pkcs8v1().expect("PKCS#8");
        let ed25519_v2 = ed25519.to_pkcs8().expect("PKCS#8");
        let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let sec1 = p256.private_key().as_der().expect("SEC 1");
        let pem = b"-----BEGIN PRIVATE KEY-----\nMIG2\n-----END PRIVATE KEY-----\n";
        let ssh = b"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nP2/56wAAA\n";
        vec![
            ed25519_v1.as_ref().into(),
            ed25519_v2.as_ref().into(),
            p256.to_pkcs8v1().expect("PKCS#8").as_ref().into(),
            sec1.as_ref().into(),
            pem.into(),
            ssh.into(),
            b"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\n".into(),
            b"<RSAKeyValue><Modulus>AAAA</Modulus></RSAKeyValue>".into(),
            br#"{"kty":"oct","k":"AAAA"}"#.into(),
            b" {\n\"d\": \"AAAA\",\n\"kty\": \"EC\" }\n".into(),
        ]
    }

    #[test]
    fn a_key_is_known_as_it_is_and_in_base64() {
        for key in keys() {
            let shown = String::from_utf8_lossy(&key).into_owned();
            assert!(is_taken_for_a_key(&key), "{shown}");
            for engine in [
                BASE64_STANDARD,
                BASE64_STANDARD_NO_PAD,
                BASE64_URL_SAFE_NO_PAD,
            ] {
                let text = engine.encode(&key);
                assert!(is_taken_for_a_key(&text), "{shown}");
                let lines: Vec<_> = text.as_bytes().chunks(64).collect();
                assert!(is_taken_for_a_key(lines.join(&b"\r\n"[..])), "{shown}");
            }
        }
    }

    #[test]
    fn a_file_in_utf_16_is_told() {
        let pem = "-----BEGIN PRIVATE KEY-----\nMIG2\n-----END PRIVATE KEY-----\n";
        for swaps in [false, true] {
            let bytes = |unit: u16| {
                if swaps {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                }
            };
            let utf_16: Vec<u8> = pem.encode_utf16().flat_map(bytes).collect();
            let why = mistake(&utf_16).expect("no secret");
            assert!(why.contains("UTF-8"), "{why}");
        }
    }

    #[test]
    fn a_secret_is_taken_for_nothing_else() {
        for secret in [
            "s3cr3t",
            "{kty}",
            "two words",
            "MEYCIQ",
            "30820122",
            "----",
            "",
        ] {
            assert_eq!(mistake(secret.as_bytes()), None, "{secret}");
        }
        for _ in 0..10_000 {
            let mut random = [0; 48];
            aws_lc_rs::rand::fill(&mut random).expect("random bytes");
            // One that has the tag and the length of a key by chance.
            random[..3].copy_from_slice(&[0x30, 46, 4]);
            assert_eq!(mistake(BASE64_STANDARD.encode(random).as_bytes()), None);
        }
    }
}
