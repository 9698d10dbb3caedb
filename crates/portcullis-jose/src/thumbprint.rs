//! The identity of a public key (RFC 7638).

use std::fmt;

use aws_lc_rs::{digest, rand};

use crate::base64url;

/// The SHA-256 thumbprint of a public key (RFC 7638 §3, RFC 8037 §2).
///
/// It depends on the key material alone, not on `kid` or `alg`. A shared secret has a random value instead, made when
/// the secret is loaded, because the thumbprint of a weak secret helps to guess it (RFC 7638 §7).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// `None` if the operating system provides no random numbers.
    pub(crate) fn random() -> Option<Self> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// `json` has the required members only, in lexical order and without white space (RFC 7638 §3.1).
    pub(crate) fn of_json(json: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, json.as_bytes()).as_ref());
        Self(bytes)
    }
}

/// Base64url, as RFC 7638 §3.1 shows it and issuers use it for `kid`.
impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use crate::jwk::RawJwk;
    use crate::key_material::KeyMaterial;

    fn thumbprint(jwk: &str) -> String {
        let material = RawJwk::parse(jwk.as_bytes()).and_then(|mut jwk| jwk.material());
        material.expect("a usable key").thumbprint().to_string()
    }

    #[test]
    fn t1_rfc7638_section_3_1() {
        let jwk = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
        assert_eq!(
            thumbprint(jwk),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }

    #[test]
    fn t1_rfc8037_appendix_a_3() {
        let jwk =
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        assert_eq!(
            thumbprint(jwk),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }

    #[test]
    fn t1_rfc9449_figure_2() {
        let jwk = r#"{"kty":"EC","crv":"P-256","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}"#;
        assert_eq!(
            thumbprint(jwk),
            "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
        );
    }

    #[test]
    fn t1_leading_zeros_do_not_change_the_identity() {
        // The modulus of a 2048-bit key, its high bit set, with and without a superfluous zero octet.
        let n = [vec![0xb5; 255], vec![0x01]].concat();
        let padded = [&[0][..], &n].concat();
        let thumbprint = |n: &[u8]| {
            let key = KeyMaterial::rsa(n, &[1, 0, 1]);
            key.expect("a key of 2048 bits").thumbprint()
        };
        assert_eq!(thumbprint(&n), thumbprint(&padded));
    }
}
