//! Fixed keys, tokens and time.

use std::sync::Arc;

use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use portcullis_core::clock::{Clock, SharedClock, UnixTime};
use portcullis_jose::{Algorithm, CompactJws};

/// The time of every run, ten minutes after the tokens were issued.
pub const NOW: UnixTime = UnixTime::from_secs(1_800_000_600);

/// An API key that was never valid anywhere.
pub const API_KEY: &str = include_str!("../fixtures/api-key.txt");

/// An issuer's key set, one of its tokens, and its public key.
pub struct Fixture {
    /// The key set.
    pub jwks: &'static str,
    /// The token.
    pub token: &'static str,
    /// The key as a `SubjectPublicKeyInfo`.
    public_key: &'static [u8],
    verification: &'static dyn VerificationAlgorithm,
}

macro_rules! fixture {
    ($name:literal, $verification:expr) => {
        Fixture {
            jwks: include_str!(concat!("../fixtures/", $name, ".jwks.json")),
            token: include_str!(concat!("../fixtures/", $name, ".jwt")),
            public_key: include_bytes!(concat!("../fixtures/", $name, ".der")),
            verification: $verification,
        }
    };
}

impl Fixture {
    /// The fixture of an algorithm.
    ///
    /// # Panics
    ///
    /// If the algorithm is not counted.
    pub fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::RS256 => fixture!("RS256", &signature::RSA_PKCS1_2048_8192_SHA256),
            Algorithm::ES256 => fixture!("ES256", &signature::ECDSA_P256_SHA256_FIXED),
            Algorithm::EdDSA => fixture!("EdDSA", &signature::ED25519),
            other => panic!("{other} is not counted"),
        }
    }
}

/// The signature check of a token on a prepared key, by AWS-LC alone.
pub struct RawCheck {
    key: ParsedPublicKey,
    message: &'static [u8],
    signature: Vec<u8>,
}

impl RawCheck {
    /// Prepares the check, so that it alone is counted.
    ///
    /// # Panics
    ///
    /// If the fixture is broken.
    pub fn new(algorithm: Algorithm) -> Box<Self> {
        let Fixture {
            token,
            public_key,
            verification,
            ..
        } = Fixture::of(algorithm);
        let jws = CompactJws::parse(token).expect("a token");
        let signature = jws.signature().expect("a signature");
        let (message, _) = token.rsplit_once('.').expect("three parts");
        let key = ParsedPublicKey::new(verification, public_key).expect("a key");
        let check = Self {
            key,
            message: message.as_bytes(),
            signature,
        };
        for _ in 0..super::WARM_UP {
            check.run();
        }
        Box::new(check)
    }

    /// Counted: the check.
    ///
    /// # Panics
    ///
    /// If the signature does not verify.
    #[inline]
    pub fn run(&self) {
        let verified = self.key.verify_sig(self.message, &self.signature);
        verified.expect("the fixture's signature");
    }
}

/// A clock that always shows [`NOW`].
#[derive(Debug)]
pub struct Fixed;

impl Fixed {
    /// The clock as builders take it.
    pub fn shared() -> SharedClock {
        Arc::new(Self)
    }
}

impl Clock for Fixed {
    fn now(&self) -> UnixTime {
        NOW
    }
}
