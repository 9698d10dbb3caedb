//! Every way for a token to be invalid.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{BrokenKind, change::*};
use crate::{
    SigningAlgorithm::{ES256, Ed25519, EdDSA},
    TokenBuilder,
    encoding::base64url,
};

const HOUR: Duration = Duration::from_secs(3600);

broken! {
    Algorithm {
        /// `alg` is `none` and the signature is empty (RFC 7519 §6).
        AlgNone: |t| unsigned(t, "none"),
        /// `alg` is `None`, and the signature is empty.
        AlgNoneCapitalised: |t| unsigned(t, "None"),
        /// `alg` is `NONE`, and the signature is empty.
        AlgNoneUpperCase: |t| unsigned(t, "NONE"),
        /// `alg` is `nOnE`, and the signature is empty.
        AlgNoneMixedCase: |t| unsigned(t, "nOnE"),
        /// `alg` is `none` followed by a space, and the signature is empty.
        AlgNonePadded: |t| unsigned(t, "none "),
        /// `alg` is `none`, and there is a signature.
        AlgNoneSigned: |t| t.alg("none").mint(),
        /// `alg` is missing (RFC 7515 §4.1.1 requires it).
        AlgAbsent: |t| t.without_header("alg").mint(),
        /// `alg` is empty.
        AlgEmpty: |t| t.alg("").mint(),
        /// `alg` is a number.
        AlgNumber: |t| t.header("alg", 256).mint(),
        /// `alg` is an array with the right algorithm.
        AlgList: |t| { let alg = json!([t.key.algorithm().as_str()]); t.header("alg", alg).mint() },
        /// `alg` is the right one in lower case (RFC 7515 §4.1.1: it is case-sensitive).
        AlgLowerCase: |t| { let alg = t.key.algorithm().as_str().to_lowercase(); t.alg(&alg).mint() },
        /// `alg` is unknown.
        AlgUnknown: |t| t.alg("XS256").mint(),
        /// `alg` is not the algorithm of the signature.
        AlgOther: |t| { let alg = other_algorithm(t.key.algorithm()); t.alg(alg.as_str()).mint() },
        /// An HMAC whose secret is the issuer's public key in PEM (RFC 8725 §2.1).
        HmacWithPublicPem: |t| { let pem = t.key.public_pem(); hmac(t, pem) },
        /// An HMAC whose secret is the issuer's public key in PEM without the last line break.
        HmacWithTrimmedPem: |t| { let pem = t.key.public_pem(); hmac(t, pem.trim_end()) },
        /// An HMAC whose secret is the issuer's public key in DER.
        HmacWithPublicDer: |t| { let der = t.key.public_der(); hmac(t, der) },
        /// An HMAC whose secret is the issuer's public key as a JWK.
        HmacWithPublicJwk: |t| { let jwk = t.key.public_jwk().to_string(); hmac(t, jwk) },
        /// An HMAC whose secret is the published `kid`.
        HmacWithKid: |t| { let kid = t.key.kid().unwrap_or_default().to_owned(); hmac(t, kid) },
        /// An HMAC with an empty secret.
        HmacWithNothing: |t| hmac(t, ""),
    }
    Signature {
        /// The payload was replaced after signing, by one with more scopes.
        PayloadSwapped: |t| {
            let more = t.clone().scope("orders:read orders:write orders:admin").claim("admin", true);
            spliced(&t, 1, &more)
        },
        /// The header was changed after signing.
        HeaderSwapped: |t| spliced(&t, 0, &t.clone().header("x", "y")),
        /// The signature of another token of the same issuer.
        SignatureOfAnother: |t| spliced(&t, 2, &t.clone().claim("jti", "another")),
        /// Signed with a stranger's key; the header names the issuer's.
        WrongKey: |t| { let key = stranger(t.key.algorithm()); t.signature_by(&key).mint() },
        /// Signed with a stranger's key of another type; the header names the issuer's `kid`.
        WrongKeyKind: |t| {
            let other = if matches!(t.key.algorithm(), Ed25519 | EdDSA) { ES256 } else { EdDSA };
            t.alg(other.as_str()).signature_by(&stranger(other)).mint()
        },
        /// Signed with a stranger's key; the header names that key.
        UnknownKey: |t| by_stranger(t).0.mint(),
        /// Signed with a stranger's key, without `kid`.
        UnknownKeyWithoutKid: |t| by_stranger(t).0.without_header("kid").mint(),
        /// One bit of the signature is flipped.
        SignatureFlipped: |t| signature(&t, |bytes| if let Some(last) = bytes.last_mut() { *last ^= 1 }),
        /// The signature is all zero (CVE-2022-21449).
        SignatureZero: |t| signature(&t, |bytes| bytes.fill(0)),
        /// The last byte of the signature is missing.
        SignatureTruncated: |t| signature(&t, |bytes| _ = bytes.pop()),
        /// A zero byte follows the signature.
        SignatureExtended: |t| signature(&t, |bytes| bytes.push(0)),
        /// A zero byte precedes the signature.
        SignatureZeroPadded: |t| signature(&t, |bytes| bytes.insert(0, 0)),
        /// The halves of the signature are two INTEGERs in DER, as in X.509 (RFC 7518 §3.4 forbids it).
        SignatureDer: |t| signature(&t, |bytes| *bytes = der(bytes)),
        /// The halves of the signature are exchanged.
        SignatureHalvesSwapped: |t| signature(&t, |bytes| { let half = bytes.len() / 2; bytes.rotate_left(half) }),
    }
    Encoding {
        /// The payload is padded with `=`; the signature covers the padding.
        Padded: |t| encoded_payload(&with_spare_bits(t), padded),
        /// The signature is padded with `=`.
        SignaturePadded: |t| changed(&t, |[_, _, signature]| *signature = padded(signature)),
        /// The payload is base64 with `+` and `/`; the signature covers that.
        StandardAlphabet: |t| {
            // Five question marks in a row contain an underscore in base64url, however they are aligned.
            let t = t.claim("pad", "?????");
            encoded_payload(&t, |text| text.replace('-', "+").replace('_', "/"))
        },
        /// Spare bits in the last character of the payload are set; the signature covers that.
        TrailingBits: |t| encoded_payload(&with_spare_bits(t), with_spare_bit_set),
        /// Spare bits in the last character of the signature are set, or there is one character too many.
        SignatureTrailingBits: |t| changed(&t, |[_, _, signature]| match signature.len() % 4 {
            0 => signature.push('A'),
            _ => *signature = with_spare_bit_set(signature),
        }),
        /// The payload has a character outside base64url.
        IllegalCharacter: |t| encoded_payload(&t, |text| format!("{text}!")),
    }
    Shape {
        /// The signature is empty.
        SignatureEmpty: |t| changed(&t, |[_, _, signature]| signature.clear()),
        /// Header and payload alone.
        TwoParts: |t| t.parts()[..2].join("."),
        /// The header alone.
        OnePart: |t| base64url(t.header_bytes()),
        /// An empty fourth part.
        FourParts: |t| format!("{}.", t.mint()),
        /// Five parts, as in an encrypted token (RFC 7516 §3.1).
        FiveParts: |t| {
            let header = t.alg("RSA-OAEP-256").header("enc", "A256GCM").header_bytes();
            let [key, nonce, text, tag] = [256, 12, 400, 16].map(|length| base64url(vec![7; length]));
            format!("{}.{key}.{nonce}.{text}.{tag}", base64url(header))
        },
        /// The flattened JSON serialisation (RFC 7515 §7.2.2).
        JsonSerialised: |t| {
            let [header, payload, signature] = t.parts();
            json!({ "protected": header, "payload": payload, "signature": signature }).to_string()
        },
        /// A signed token inside a signed token (RFC 7519 §5.2).
        Nested: |t| { let inner = t.mint(); t.header("cty", "JWT").raw_payload(inner).mint() },
        /// The header is empty.
        HeaderEmpty: |t| t.raw_header("").mint(),
        /// The payload is empty; the signature covers that.
        PayloadEmpty: |t| t.raw_payload("").mint(),
        /// Two dots.
        OnlyDots: |_| "..".to_owned(),
        /// Four thousand dots.
        ThousandsOfDots: |_| ".".repeat(4000),
    }
    Header {
        /// Signed by a stranger, whose key is in the header (RFC 7515 §4.1.3).
        EmbeddedJwk: |t| { let (t, key) = by_stranger(t); t.without_header("kid").header("jwk", key.public_jwk()).mint() },
        /// Signed by a stranger, whose key is in the header beside the issuer's `kid`.
        EmbeddedJwkKeptKid: |t| {
            let key = stranger(t.key.algorithm());
            t.signature_by(&key).header("jwk", key.public_jwk()).mint()
        },
        /// Signed by a stranger, with a URL of a key set (RFC 7515 §4.1.2). The URL is a path of the issuer that serves
        /// nothing: [`Endpoint::Other`](crate::Endpoint::Other) counts requests to it.
        EmbeddedJku: |t| {
            let url = format!("{}/strangers-jwks.json", t.claim_text("iss"));
            by_stranger(t).0.header("jku", url).mint()
        },
        /// Signed by a stranger, with a URL of a certificate (RFC 7515 §4.1.5), as in [`EmbeddedJku`](Self::EmbeddedJku).
        EmbeddedX5u: |t| {
            let url = format!("{}/strangers-certificate.pem", t.claim_text("iss"));
            by_stranger(t).0.header("x5u", url).mint()
        },
        /// Signed by a stranger, whose public key is in the place of a certificate (RFC 7515 §4.1.6).
        EmbeddedX5c: |t| {
            let (t, key) = by_stranger(t);
            t.header("x5c", json!([STANDARD.encode(key.public_der())])).mint()
        },
        /// An unknown extension is critical (RFC 7515 §4.1.11).
        CritUnknown: |t| t.header("crit", json!(["x-unknown"])).header("x-unknown", true).mint(),
        /// `crit` is an empty array.
        CritEmpty: |t| t.header("crit", json!([])).mint(),
        /// `crit` is a string.
        CritText: |t| t.header("crit", "exp").mint(),
        /// `b64` is false, and critical (RFC 7797 §3).
        Unencoded: |t| t.header("b64", false).header("crit", json!(["b64"])).mint(),
        /// `b64` is false, and not critical.
        UnencodedSilently: |t| t.header("b64", false).mint(),
        /// `kid` is a path that leaves its directory.
        KidTraversal: |t| t.kid("../../../../../../dev/null").mint(),
        /// `kid` is a piece of SQL.
        KidSql: |t| t.kid("' UNION SELECT 'AA' --").mint(),
        /// `kid` contains line breaks.
        KidLineBreaks: |t| t.kid("key\r\nx-injected: yes").mint(),
        /// `kid` has upper and lower case exchanged (RFC 7517 §4.5: it is case-sensitive).
        KidOtherCase: |t| {
            let exchange = |c: char| if c.is_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() };
            let kid: String = t.key.kid().unwrap_or("Kid").chars().map(exchange).collect();
            t.kid(&kid).mint()
        },
        /// `kid` is empty.
        KidEmpty: |t| t.kid("").mint(),
        /// `kid` is a number.
        KidNumber: |t| t.header("kid", 1).mint(),
        /// `kid` has six kilobytes.
        KidHuge: |t| t.kid(&"k".repeat(6 * 1024)).mint(),
        /// `typ` is a number.
        TypNumber: |t| t.header("typ", 9068).mint(),
        /// There are two `alg`.
        HeaderDuplicateAlg: |t| header(t, |bytes| with_first(bytes, r#""alg":"none""#)),
        /// There are two `kid`, one written with an escape.
        HeaderDuplicateKid: |t| {
            let kid = t.key.kid().unwrap_or("kid").to_owned();
            header(t.kid(&kid), |bytes| with_first(bytes, r#""\u006bid":"stranger""#))
        },
        /// The header is not JSON.
        HeaderNotJson: |t| t.raw_header("alg=ES256").mint(),
        /// The header is an array.
        HeaderList: |t| header(t, |bytes| [b"[", bytes, b"]"].concat()),
        /// Something follows the object in the header.
        HeaderTrailing: |t| header(t, |bytes| [bytes, b"{}"].concat()),
        /// The header is UTF-16.
        HeaderUtf16: |t| header(t, utf16),
    }
    Payload {
        /// The claims are not JSON.
        PayloadNotJson: |t| t.raw_payload("sub=test-client&scope=orders:read").mint(),
        /// The claims are in an array.
        PayloadList: |t| payload(t, |claims| [b"[", claims, b"]"].concat()),
        /// The claims are in a string.
        PayloadText: |t| payload(t, |claims| Value::from(String::from_utf8_lossy(claims)).to_string().into()),
        /// The claims are `null`.
        PayloadNull: |t| t.raw_payload("null").mint(),
        /// Something follows the claims.
        PayloadTrailing: |t| payload(t, |claims| [claims, b"{}"].concat()),
        /// A comma follows the last claim.
        PayloadTrailingComma: |t| payload(t, |claims| [&claims[..claims.len() - 1], b",}"].concat()),
        /// There is a comment among the claims.
        PayloadComment: |t| payload(t, |claims| [b"{/* harmless */", &claims[1..]].concat()),
        /// A claim is `NaN`.
        PayloadNan: |t| payload_member(t, r#""x":NaN"#),
        /// The claims are UTF-16.
        PayloadUtf16: |t| payload(t, utf16),
        /// The claims begin with a byte order mark (RFC 8259 §8.1).
        PayloadByteOrderMark: |t| payload(t, |claims| [b"\xef\xbb\xbf", claims].concat()),
        /// The subject is not UTF-8.
        PayloadNotUtf8: |t| payload(t.without_claim("sub"), |rest| [b"{\"sub\":\"caf\xe9\",", &rest[1..]].concat()),
        /// The subject contains half of a surrogate pair.
        PayloadLoneSurrogate: |t| payload_member(t.without_claim("sub"), r#""sub":"half \ud83d of it""#),
        /// The subject contains an unescaped line break.
        PayloadControlCharacter: |t| payload_member(t.without_claim("sub"), "\"sub\":\"line\nbreak\""),
        /// A claim is nested 1,500 deep.
        PayloadDeep: |t| payload_member(t, &format!("\"x\":{}{}", "[".repeat(1500), "]".repeat(1500))),
        /// There are two issuers, the right one last.
        DuplicateIssuer: |t| payload_member(t, r#""iss":"https://other.example.com""#),
        /// There are two scopes.
        DuplicateScope: |t| payload_member(t.scope("orders:read"), r#""scope":"orders:admin""#),
        /// There are two expiries, one with an escape in its name.
        DuplicateEscaped: |t| payload_member(t, r#""\u0065xp":4102444800"#),
        /// An unknown claim is there twice.
        DuplicateUnknown: |t| payload_member(t, r#""x":1,"x":2"#),
    }
    Claims {
        /// It expired an hour ago.
        Expired: |t| {
            let now = t.now;
            t.issued_at(now.saturating_sub(HOUR * 2)).expires_at(now.saturating_sub(HOUR)).mint()
        },
        /// It becomes valid in an hour.
        NotYetValid: |t| {
            let from = t.now.saturating_add(HOUR);
            t.not_before(from).expires_at(from.saturating_add(HOUR)).mint()
        },
        /// `exp` is missing.
        ExpAbsent: |t| t.without_claim("exp").mint(),
        /// `exp` is `null`.
        ExpNull: |t| t.claim("exp", Value::Null).mint(),
        /// `exp` is a number in quotes.
        ExpText: |t| { let exp = t.now.saturating_add(HOUR).as_secs(); t.claim("exp", exp.to_string()).mint() },
        /// `exp` is negative.
        ExpNegative: |t| t.claim("exp", -1).mint(),
        /// `exp` is larger than any integer type.
        ExpOverflow: |t| t.claim("exp", 1e300).mint(),
        /// `nbf` is a number in quotes.
        NbfText: |t| { let nbf = t.now.saturating_sub(HOUR).as_secs(); t.claim("nbf", nbf.to_string()).mint() },
        /// `iat` is a number in quotes.
        IatText: |t| { let iat = t.now.as_secs(); t.claim("iat", iat.to_string()).mint() },
        /// `iss` is missing.
        IssuerAbsent: |t| t.without_claim("iss").mint(),
        /// `iss` is another issuer.
        IssuerOther: |t| t.claim("iss", "https://other.example.com").mint(),
        /// `iss` begins with the right one.
        IssuerSuffixed: |t| claim(t, "iss", |issuer| format!("{issuer}.example.net").into()),
        /// `iss` is the right one with a trailing slash.
        IssuerTrailingSlash: |t| claim(t, "iss", |issuer| format!("{issuer}/").into()),
        /// `iss` is the right one in upper case.
        IssuerUpperCase: |t| claim(t, "iss", |issuer| issuer.to_uppercase().into()),
        /// `iss` is an array with the right one.
        IssuerList: |t| claim(t, "iss", |issuer| json!([issuer])),
        /// `iss` is a number.
        IssuerNumber: |t| t.claim("iss", 127).mint(),
        /// `aud` is missing.
        AudienceAbsent: |t| t.without_claim("aud").mint(),
        /// `aud` is another audience.
        AudienceOther: |t| t.audience("https://other.example.com").mint(),
        /// `aud` begins with the right one.
        AudienceSuffixed: |t| claim(t, "aud", |audience| format!("{audience}/more").into()),
        /// `aud` is the beginning of the right one.
        AudiencePrefix: |t| claim(t, "aud", |audience| audience[..audience.len().saturating_sub(1)].into()),
        /// `aud` is the right one in upper case.
        AudienceUpperCase: |t| claim(t, "aud", |audience| audience.to_uppercase().into()),
        /// `aud` is an empty array.
        AudienceEmptyList: |t| t.claim("aud", json!([])).mint(),
        /// `aud` is a number.
        AudienceNumber: |t| t.claim("aud", 42).mint(),
        /// `aud` is an array in an array.
        AudienceNested: |t| claim(t, "aud", |audience| json!([[audience]])),
        /// `aud` is an object with the right one.
        AudienceObject: |t| claim(t, "aud", |audience| json!({ audience: audience })),
        /// `aud` is an array of the right one and a number.
        AudienceMixed: |t| claim(t, "aud", |audience| json!([audience, 7])),
    }
    Profile {
        /// Its `typ` is `JWT`, and it has claims of an ID token.
        IdToken: |t| {
            let now = t.now.as_secs();
            let t = t.typ("JWT").claim("nonce", "n-0S6_WzA2Mj").claim("auth_time", now);
            t.claim("at_hash", "77QmUPtjPfzWtF2AnpK9RQ").mint()
        },
        /// `typ` is missing.
        TypAbsent: |t| t.without_header("typ").mint(),
        /// It is a logout token (OpenID Connect Back-Channel Logout §2.4).
        LogoutToken: |t| {
            let events = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
            t.typ("logout+jwt").claim("events", events).mint()
        },
        /// Its `typ` is that of a DPoP proof (RFC 9449 §4.2).
        DpopProof: |t| {
            t.typ("dpop+jwt").claim("htm", "GET").claim("htu", "https://orders.example.com/orders").mint()
        },
        /// It is bound to a key (RFC 7800 §3.1) whose possession nobody proves.
        Bound: |t| t.claim("cnf", json!({ "jkt": stranger(ES256).thumbprint() })).mint(),
        /// `sub` is missing.
        SubjectAbsent: |t| t.without_claim("sub").mint(),
        /// `client_id` is missing.
        ClientIdAbsent: |t| t.without_claim("client_id").mint(),
        /// `jti` is missing.
        JtiAbsent: |t| t.without_claim("jti").mint(),
        /// `iat` is missing.
        IatAbsent: |t| t.without_claim("iat").mint(),
        /// `exp` is in milliseconds.
        ExpMilliseconds: |t| { let now = t.now.as_secs(); t.claim("exp", now.saturating_mul(1000)).mint() },
        /// It is valid for ten years.
        LongLived: |t| t.expires_in(HOUR * 24 * 3650).mint(),
        /// It has twelve kilobytes.
        Oversized: |t| t.claim("pad", "x".repeat(8 * 1024)).mint(),
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
