//! The keys, each in all its formats, and helpers.

use aws_lc_rs::signature::{ECDSA_P521_SHA512_FIXED, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use portcullis_jose::{Algorithm, KeyRejected, KeySet, SigningKey, SigningKeyError};
use serde_json::{Value, json};

/// One key in all its formats.
pub(crate) struct Forms {
    pub(crate) algorithms: &'static [Algorithm],
    pub(crate) pem: &'static [&'static str],
    pub(crate) public: &'static str,
    pub(crate) jwk: &'static str,
}

pub(crate) const ES256: Forms = Forms {
    algorithms: &[Algorithm::ES256],
    pem: &[
        data!("p256.pkcs8.pem"),
        data!("p256.sec1.pem"),
        data!("p256.sec1-with-parameters.pem"),
    ],
    public: data!("p256.public.pem"),
    jwk: data!("p256.jwk.json"),
};

pub(crate) const RSA: Forms = Forms {
    algorithms: &[
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
    ],
    pem: &[data!("rsa.pkcs8.pem"), data!("rsa.pkcs1.pem")],
    public: data!("rsa.public.pem"),
    jwk: data!("rsa.jwk.json"),
};

pub(crate) const ED25519: Forms = Forms {
    algorithms: &[Algorithm::EdDSA],
    pem: &[data!("ed25519.pkcs8.pem")],
    public: data!("ed25519.public.pem"),
    jwk: data!("ed25519.jwk.json"),
};

pub(crate) const ALL: [Forms; 5] = [
    RSA,
    ES256,
    Forms {
        algorithms: &[Algorithm::ES384],
        pem: &[
            data!("p384.pkcs8.pem"),
            data!("p384.sec1.pem"),
            data!("p384.sec1-with-parameters.pem"),
        ],
        public: data!("p384.public.pem"),
        jwk: data!("p384.jwk.json"),
    },
    Forms {
        algorithms: &[Algorithm::ES512],
        pem: &[
            data!("p521.pkcs8.pem"),
            data!("p521.sec1.pem"),
            data!("p521.sec1-with-parameters.pem"),
        ],
        public: data!("p521.public.pem"),
        jwk: data!("p521.jwk.json"),
    },
    ED25519,
];

impl Forms {
    pub(crate) fn jwk(&self) -> Value {
        serde_json::from_str(self.jwk).expect("JSON")
    }

    /// The JWK with some of its members replaced, or with `null` removed.
    pub(crate) fn jwk_with(&self, changes: Value) -> Vec<u8> {
        let mut jwk = self.jwk();
        let members = jwk.as_object_mut().expect("an object");
        for (name, value) in changes.as_object().expect("an object") {
            if value.is_null() {
                members.remove(name);
            } else {
                members.insert(name.clone(), value.clone());
            }
        }
        jwk.to_string().into_bytes()
    }

    /// The key for `algorithm`, read from each format.
    pub(crate) fn keys(&self, algorithm: Algorithm) -> Vec<SigningKey> {
        let alg = json!({"alg": algorithm.as_str()});
        let mut keys: Vec<_> = self
            .pem
            .iter()
            .map(|pem| SigningKey::from_pem(pem.as_bytes(), algorithm).expect(pem))
            .collect();
        keys.push(SigningKey::from_jwk(&self.jwk_with(alg), None).expect("a JWK with `alg`"));
        keys.push(
            SigningKey::from_jwk(self.jwk.as_bytes(), Some(algorithm))
                .expect("a JWK without `alg`"),
        );
        keys
    }
}

pub(crate) fn pem_error(pem: &str, algorithm: Algorithm) -> SigningKeyError {
    SigningKey::from_pem(pem.as_bytes(), algorithm).expect_err(pem)
}

pub(crate) fn jwk_error(jwk: &[u8]) -> SigningKeyError {
    SigningKey::from_jwk(jwk, None).expect_err(&String::from_utf8_lossy(jwk))
}

/// Whether the key set of `public` accepts the signature.
pub(crate) fn holds(keys: &KeySet, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
    let key = keys.keys().next().expect("a key");
    key.verify(algorithm, message, signature).is_ok()
}

/// Whether `jsonwebtoken`, or for ES512 `aws-lc-rs`, accepts the signature.
pub(crate) fn oracle_holds(
    forms: &Forms,
    algorithm: Algorithm,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let pem = forms.public.as_bytes();
    let key = match algorithm {
        Algorithm::ES512 => {
            let jwk = forms.jwk();
            let number = |name: &str| {
                URL_SAFE_NO_PAD
                    .decode(jwk[name].as_str().expect("text"))
                    .expect("base64url")
            };
            let point = [vec![4], number("x"), number("y")].concat();
            return UnparsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, point)
                .verify(message, signature)
                .is_ok();
        }
        Algorithm::ES256 | Algorithm::ES384 => DecodingKey::from_ec_pem(pem),
        Algorithm::EdDSA => DecodingKey::from_ed_pem(pem),
        _ => DecodingKey::from_rsa_pem(pem),
    }
    .expect("a public key");
    let algorithm = algorithm.as_str().parse().expect("a common algorithm");
    let signature = URL_SAFE_NO_PAD.encode(signature);
    jsonwebtoken::crypto::verify(&signature, message, &key, algorithm).expect("a verdict")
}

pub(crate) fn wrong(algorithm: Algorithm) -> SigningKeyError {
    KeyRejected::WrongAlgorithm(algorithm).into()
}
