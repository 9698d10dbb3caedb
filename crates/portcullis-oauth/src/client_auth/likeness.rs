//! Tells what was mistaken for a client's secret. A secret is shown to the authorization server; a private key never is.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

/// What is the matter with a secret, or with a file of them, that cannot be meant to be one.
pub(super) fn mistake(text: &[u8]) -> Option<&'static str> {
    // Base64 may be put into base64 once more, as Kubernetes does.
    if is_key(text, 2) || is_key(&unescaped(text), 2) {
        return Some(
            "it looks like a key or a certificate, which is not shown to the server as a secret is: is it meant for \
             `private_key_jwt`?",
        );
    }
    is_utf_16(text).then_some("it is saved as UTF-16: save it as UTF-8")
}

/// Whether there is a key or a certificate in it: in PEM, in SSH's, PuTTY's or XML's way, as a JWK, in DER, or in base64 of
/// these, and that again as often as `nested` says.
fn is_key(text: &[u8], nested: usize) -> bool {
    is_marked(text)
        || is_der(text)
        || nested > 0 && decoded(text).any(|bytes| is_key(&bytes, nested - 1))
}

/// Without what JSON, a shell or a URL puts before characters (RFC 8259 §7, RFC 3986 §2.1).
fn unescaped(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let [first, behind @ ..] = rest {
        let (byte, left) = match rest {
            [b'\\', b'n' | b'r' | b't', left @ ..] => (b'\n', left),
            [b'\\', escaped, left @ ..] => (*escaped, left),
            [b'%', high, low, left @ ..] => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, left),
                _ => (b'%', behind),
            },
            _ => (*first, behind),
        };
        plain.push(byte);
        rest = left;
    }
    plain
}

fn digit(hex: u8) -> Option<u8> {
    let digit = char::from(hex).to_digit(16)?;
    u8::try_from(digit).ok()
}

fn is_marked(text: &[u8]) -> bool {
    // UTF-16 would hide what is looked for.
    let mut ascii = Zeroizing::new(Vec::<u8>::with_capacity(text.len()));
    ascii.extend(text.iter().filter(|byte| **byte != 0));
    let holds = |part: &[u8]| ascii.windows(part.len()).any(|found| found == part);
    let marks: [&[u8]; 6] = [
        b"-----BEGIN",
        b"-----END",
        b"---- BEGIN ",
        b"PuTTY-User-Key-File-",
        b"openssh-key-v1",
        b"<RSAKeyValue",
    ];
    marks.into_iter().any(holds) || holds(b"{") && holds(br#""kty""#)
}

/// Whether it begins as a private key does (RFC 5958 §2 and §3, RFC 8017 A.1.2, RFC 5915 §3), a PKCS#12 file (RFC 7292 §4) or
/// a certificate (RFC 5280 §4.1): no random secret does. It may be cut, as a line of several is.
fn is_der(bytes: &[u8]) -> bool {
    let Some(content) = sequence(bytes) else {
        return false;
    };
    match content {
        // A version, and what comes behind it: a number, the key, or how it is to be read.
        [0x02, 0x01, 0 | 1 | 3, 0x02 | 0x04 | 0x30, ..] => true,
        _ => sequence(content).is_some_and(|inner| {
            // How the key is encrypted, by an identifier of PKCS's; or the version of a certificate.
            matches!(inner, [0x06, 9 | 10, 0x2a, 0x86, 0x48, ..])
                || inner.starts_with(&[0xa0, 0x03, 0x02, 0x01])
        }),
    }
}

/// What is in a sequence, as far as it is there.
fn sequence(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        // The length is told at the end, in itself, or in the next one to four bytes.
        [0x30, ..=0x80, content @ ..]
        | [0x30, 0x81, _, content @ ..]
        | [0x30, 0x82, _, _, content @ ..]
        | [0x30, 0x83, _, _, _, content @ ..]
        | [0x30, 0x84, _, _, _, _, content @ ..] => Some(content),
        _ => None,
    }
}

/// What it is in base64 of, in any of the ways to write that: all of it, and each run of its characters.
fn decoded(text: &[u8]) -> impl Iterator<Item = Zeroizing<Vec<u8>>> {
    /// Shorter ones hold none of what is looked for.
    const SHORTEST: usize = 16;

    let mut joined = Zeroizing::new(Vec::with_capacity(text.len()));
    joined.extend(text.iter().filter(|byte| !byte.is_ascii_whitespace()));
    let runs = text.split(|byte| !(byte.is_ascii_alphanumeric() || b"+/-_".contains(byte)));
    let runs = runs.filter(|run| run.len() >= SHORTEST);
    std::iter::once(decode(&joined))
        .chain(runs.map(decode))
        .flatten()
}

fn decode(base64: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );

    let end = base64.iter().rposition(|byte| *byte != b'=')? + 1;
    // One character by itself, where it was cut, tells less than a byte.
    let end = if end % 4 == 1 { end - 1 } else { end };
    let mut standard = Zeroizing::new(Vec::with_capacity(end));
    standard.extend(base64[..end].iter().map(|byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        byte => *byte,
    }));
    // Into what is wiped, even where it turns out to be no base64 half way.
    let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(standard.len())]);
    let length = LENIENT.decode_slice(&*standard, &mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}

/// Whether every other byte is nought, as in ASCII that was saved so. Bytes that are a secret as they are may hold one.
fn is_utf_16(text: &[u8]) -> bool {
    let text = match text {
        [0xff, 0xfe, text @ ..] | [0xfe, 0xff, text @ ..] => text,
        text => text,
    };
    let (pairs, rest) = text.as_chunks::<2>();
    let every = |at: usize| pairs.iter().all(|pair| pair[at] == 0);
    !pairs.is_empty() && rest.is_empty() && (every(0) || every(1))
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

    fn head(hex: &str) -> Vec<u8> {
        let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
        let mut bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| (pair[0] << 4 | pair[1]) as u8)
            .collect();
        bytes.resize(bytes.len() + 100, 0x5a);
        bytes
    }

    /// Keys in the ways that they are kept.
    fn keys() -> Vec<Vec<u8>> {
        let ed25519 = Ed25519KeyPair::generate().expect("a key");
        let ed25519_v1 = ed25519.to_pkcs8v1().expect("PKCS#8");
        let ed25519_v2 = ed25519.to_pkcs8().expect("PKCS#8");
        let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let sec1 = p256.private_key().as_der().expect("SEC 1");
        vec![
            ed25519_v1.as_ref().into(),
            ed25519_v2.as_ref().into(),
            p256.to_pkcs8v1().expect("PKCS#8").as_ref().into(),
            sec1.as_ref().into(),
            // How others begin, as OpenSSL writes them: RSA's own, encrypted PKCS#8, PKCS#12 in DER and in BER, a certificate.
            head("3082025c 020100 02818100"),
            head("3081ec 3057 06092a864886f70d01050d"),
            head("308204a4 3028 060a2a864886f70d010c0103"),
            head("308203fc 020103 308203b2"),
            head("3080 020103 3080"),
            head("3082018f 30820135 a003020102"),
            PEM.into(),
            b"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nP2/56wAAA\n".into(),
            b"openssh-key-v1\0\0\0\0\x04none\0\0\0\x04none".into(),
            b"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\n".into(),
            b"<RSAKeyValue><Modulus>AAAA</Modulus></RSAKeyValue>".into(),
            br#"{"kty":"oct","k":"AAAA"}"#.into(),
            b" {\n\"d\": \"AAAA\",\n\"kty\": \"EC\" }\n".into(),
        ]
    }

    const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMIG2\n-----END PRIVATE KEY-----\n";

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
                let lines: Vec<_> = text.as_bytes().chunks(64).collect();
                let lines = lines.join(&b"\r\n"[..]);
                for text in [
                    text.as_bytes(),
                    &lines,
                    format!("\"{text}\"").as_bytes(),
                    engine.encode(&text).as_bytes(),
                ] {
                    assert!(is_taken_for_a_key(text), "{shown}");
                }
            }
        }
    }

    #[test]
    fn a_key_is_known_behind_other_lines_and_with_escaped_ends_of_lines() {
        let key = keys().swap_remove(2);
        let text = BASE64_STANDARD.encode(key);
        let lines: Vec<_> = text.as_bytes().chunks(64).collect();
        for (before, end) in [
            ("s3cr3t\n", "\n"),
            ("# of billing\n", "\r\n"),
            ("KEY=\"", "\\n"),
            ("\\n", "\\n"),
            ("s3cr3t\\r\\n", "\\r\\n"),
            ("", "\n"),
        ] {
            let wrapped = [before.as_bytes(), &lines.join(end.as_bytes())].concat();
            assert!(is_taken_for_a_key(wrapped), "{before:?}");
        }
    }

    #[test]
    fn a_key_is_known_by_what_is_left_of_it() {
        let (_, rest) = PEM.split_once('\n').expect("a first line");
        assert!(is_taken_for_a_key(rest));
        let key = BASE64_STANDARD.encode(keys().swap_remove(2));
        for text in [
            format!("secret={key}"),
            format!("{key},"),
            format!("'{key}'"),
        ] {
            assert!(is_taken_for_a_key(&text), "{text}");
        }
        for length in 90..key.len() {
            assert!(is_taken_for_a_key(&key[..length]), "{length}");
            let line = format!("{}\n{}", &key[..length], &key[length..]);
            assert!(is_taken_for_a_key(format!("s3cr3t\n{line}")), "{length}");
        }
    }

    #[test]
    fn a_key_is_known_through_escapes() {
        for text in [
            PEM.replace(' ', "%20").replace('\n', "%0A"),
            PEM.replace(' ', "+"),
            PEM.replace('-', "%2d"),
            r#""{\"kty\":\"EC\",\"d\":\"AAAA\"}""#.to_owned(),
            "%7B%22kty%22%3A%22oct%22%7D".to_owned(),
        ] {
            assert!(is_taken_for_a_key(&text), "{text}");
        }
        for secret in ["100%", "%", "%zz", "a\\", "\\", "%4"] {
            assert_eq!(mistake(secret.as_bytes()), None, "{secret}");
        }
    }

    #[test]
    fn utf_16_hides_no_key_and_is_told() {
        for swaps in [false, true] {
            let bytes = |unit: u16| {
                if swaps {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                }
            };
            let utf_16 = |text: &str| text.encode_utf16().flat_map(bytes).collect::<Vec<_>>();
            for text in [PEM.to_owned(), format!("\u{feff}{PEM}")] {
                assert!(is_taken_for_a_key(utf_16(&text)));
                assert!(is_taken_for_a_key(BASE64_STANDARD.encode(utf_16(&text))));
            }
            for text in ["s3cr3t", "\u{feff}s3cr3t\r\n"] {
                let why = mistake(&utf_16(text)).expect("no secret");
                assert!(why.contains("UTF-8"), "{why}");
            }
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
        for round in 0..10_000 {
            let mut random = [0; 48];
            aws_lc_rs::rand::fill(&mut random).expect("random bytes");
            if round % 2 == 0 {
                // One that has the tag and the length of a key by chance.
                random[..3].copy_from_slice(&[0x30, 46, 4]);
            }
            assert_eq!(mistake(BASE64_STANDARD.encode(random).as_bytes()), None);
            assert_eq!(mistake(&random), None);
        }
    }
}
