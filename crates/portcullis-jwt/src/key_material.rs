//! The numbers a key is made of, checked as far as that needs no cryptography.

use portcullis_core::Secret;

use crate::algorithm::Algorithm;
use crate::thumbprint::Thumbprint;

/// What a signature is verified with: a public key, or a secret shared with the issuer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum KeyMaterial {
    /// For `RS*` and `PS*`.
    Rsa(RsaKey),
    /// For `ES*`.
    Ec(EcKey),
    /// For `EdDSA`.
    Ed25519(Ed25519Key),
    /// For `HS*`; never from a key set that was parsed.
    Secret(SecretKey),
}

impl KeyMaterial {
    /// The RFC 7638 thumbprint, or for a secret the random name it got when it was loaded.
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        match self {
            Self::Rsa(key) => Thumbprint::of_rsa(key),
            Self::Ec(key) => Thumbprint::of_ec(key),
            Self::Ed25519(key) => Thumbprint::of_ed25519(key),
            Self::Secret(key) => key.identity,
        }
    }

    pub(crate) fn family(&self) -> KeyFamily {
        match self {
            Self::Rsa(_) => KeyFamily::Rsa,
            Self::Ec(key) => key.curve.family(),
            Self::Ed25519(_) => KeyFamily::Ed25519,
            Self::Secret(_) => KeyFamily::Secret,
        }
    }
}

/// Keys that the same algorithms can use: a `kty` and, where there is one, its `crv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyFamily {
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
    Secret,
}

/// Why a key's numbers cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRejected {
    /// RFC 7518 §3.3 asks for 2048 bits at least.
    #[error("the RSA modulus has {bits} bits, fewer than 2048")]
    RsaTooSmall {
        /// Its length.
        bits: usize,
    },
    /// More than 8192 bits: the cost of one verification would be the issuer's to choose.
    #[error("the RSA modulus has {bits} bits, more than 8192")]
    RsaTooLarge {
        /// Its length.
        bits: usize,
    },
    /// Even, so it is no product of two large primes.
    #[error("the RSA modulus is even")]
    RsaModulusEven,
    /// Has the fingerprint of keys from a generator whose primes can be found (CVE-2017-15361).
    #[error("the RSA modulus has the fingerprint of the ROCA weakness")]
    RsaWeakGenerator,
    /// Even, below 3, or above 32 bits.
    #[error("the RSA exponent is not an odd number from 3 to 2^32 - 1")]
    RsaExponent,
    /// RFC 7518 §6.2.1.2: exactly as many octets as the curve's field has.
    #[error("a coordinate is not of the length of the curve")]
    CoordinateLength,
    /// Not a point of the curve.
    #[error("not a point on the curve")]
    NotOnCurve,
    /// RFC 7518 §3.2: at least as long as the output of the hash.
    #[error("the secret has {bytes} bytes, fewer than the {required} that {algorithm} requires")]
    SecretTooShort {
        /// The algorithm it was configured for.
        algorithm: Algorithm,
        /// Its length.
        bytes: usize,
        /// The length required.
        required: usize,
    },
    /// The algorithm does not go with this kind of key.
    #[error("the key cannot be used with {algorithm}")]
    WrongAlgorithm {
        /// The algorithm that was asked for.
        algorithm: Algorithm,
    },
    /// The cryptographic library refuses the key.
    #[error("the cryptographic library refuses the key")]
    Backend,
}

/// An RSA public key of 2048 to 8192 bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RsaKey {
    modulus: Box<[u8]>,
    exponent: Box<[u8]>,
}

impl RsaKey {
    const MIN_BITS: usize = 2048;
    const MAX_BITS: usize = 8192;

    /// Takes both numbers in big-endian order; leading zeros, which RFC 7518 §6.3.1.1 forbids but some issuers send,
    /// are dropped.
    ///
    /// # Errors
    /// If a number is outside what this crate accepts.
    pub fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyRejected> {
        let modulus = without_leading_zeros(modulus);
        let exponent = without_leading_zeros(exponent);
        match bits(modulus) {
            bits if bits < Self::MIN_BITS => return Err(KeyRejected::RsaTooSmall { bits }),
            bits if bits > Self::MAX_BITS => return Err(KeyRejected::RsaTooLarge { bits }),
            _ => {}
        }
        if is_even(modulus) {
            return Err(KeyRejected::RsaModulusEven);
        }
        if is_even(exponent) || exponent.len() > 4 || exponent == [1] {
            return Err(KeyRejected::RsaExponent);
        }
        if has_roca_fingerprint(modulus) {
            return Err(KeyRejected::RsaWeakGenerator);
        }
        Ok(Self {
            modulus: modulus.into(),
            exponent: exponent.into(),
        })
    }

    /// The modulus, big-endian, without leading zeros.
    #[must_use]
    pub fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// The public exponent, big-endian, without leading zeros.
    #[must_use]
    pub fn exponent(&self) -> &[u8] {
        &self.exponent
    }
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

fn bits(number: &[u8]) -> usize {
    number
        .first()
        .map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

fn is_even(number: &[u8]) -> bool {
    number.last().is_none_or(|last| last % 2 == 0)
}

/// Whether the residues of `modulus` all are powers of 65537, as those of keys made by one widespread generator are
/// and those of an ordinary key are with negligible probability (Nemec et al., "The Return of Coppersmith's Attack",
/// §3.2).
fn has_roca_fingerprint(modulus: &[u8]) -> bool {
    const PRIMES: [u64; 38] = [
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89,
        97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ];
    PRIMES.iter().all(|prime| {
        let residue = modulus.iter().fold(0, |residue, byte| {
            (residue * 256 + u64::from(*byte)) % prime
        });
        std::iter::successors(Some(1), |power| {
            Some(power * 65537 % prime).filter(|power| *power != 1)
        })
        .any(|power| power == residue)
    })
}

/// A curve that ECDSA is used on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Curve {
    /// NIST P-256, for `ES256`.
    P256,
    /// NIST P-384, for `ES384`.
    P384,
    /// NIST P-521, for `ES512`.
    P521,
}

impl Curve {
    /// Reads the value of a JWK's `crv`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "P-256" => Some(Self::P256),
            "P-384" => Some(Self::P384),
            "P-521" => Some(Self::P521),
            _ => None,
        }
    }

    /// The value of a JWK's `crv` (RFC 7518 §6.2.1.1).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// The length of a coordinate in bytes.
    #[must_use]
    pub const fn coordinate_bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    const fn family(self) -> KeyFamily {
        match self {
            Self::P256 => KeyFamily::P256,
            Self::P384 => KeyFamily::P384,
            Self::P521 => KeyFamily::P521,
        }
    }
}

/// The public key of ECDSA: two numbers of the right length; whether they are a point of the curve is for the backend
/// to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcKey {
    curve: Curve,
    point: Box<[u8]>,
}

impl EcKey {
    /// Takes both coordinates in big-endian order and full length (RFC 7518 §6.2.1.2).
    ///
    /// # Errors
    /// If one of them is shorter or longer.
    pub fn new(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, KeyRejected> {
        let length = curve.coordinate_bytes();
        if x.len() != length || y.len() != length {
            return Err(KeyRejected::CoordinateLength);
        }
        Ok(Self {
            curve,
            point: [&[4], x, y].concat().into(),
        })
    }

    /// The curve.
    #[must_use]
    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// The first coordinate, in full length.
    #[must_use]
    pub fn x(&self) -> &[u8] {
        &self.point[1..=self.curve.coordinate_bytes()]
    }

    /// The second coordinate, in full length.
    #[must_use]
    pub fn y(&self) -> &[u8] {
        &self.point[1 + self.curve.coordinate_bytes()..]
    }

    /// Both, as SEC 1 §2.3.3 writes a point without compression.
    #[must_use]
    pub fn uncompressed_point(&self) -> &[u8] {
        &self.point
    }
}

/// The public key of EdDSA on Ed25519.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ed25519Key([u8; 32]);

impl Ed25519Key {
    /// Takes the encoded point (RFC 8037 §2).
    ///
    /// # Errors
    /// If it is not 32 bytes long.
    pub fn new(x: &[u8]) -> Result<Self, KeyRejected> {
        x.try_into()
            .map(Self)
            .map_err(|_| KeyRejected::CoordinateLength)
    }

    /// The encoded point.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A secret shared with the issuer, long enough for its one algorithm.
#[derive(Clone, Debug)]
pub struct SecretKey {
    secret: Secret,
    identity: Thumbprint,
}

impl SecretKey {
    /// Takes a secret for use with `algorithm`, one of `HS*`.
    ///
    /// # Errors
    /// If `algorithm` is another, or the secret is shorter than the output of its hash (RFC 7518 §3.2).
    pub fn new(algorithm: Algorithm, secret: Secret) -> Result<Self, KeyRejected> {
        let required = match algorithm {
            Algorithm::HS256 => 32,
            Algorithm::HS384 => 48,
            Algorithm::HS512 => 64,
            _ => return Err(KeyRejected::WrongAlgorithm { algorithm }),
        };
        let bytes = secret.expose().len();
        if bytes < required {
            return Err(KeyRejected::SecretTooShort {
                algorithm,
                bytes,
                required,
            });
        }
        let mut identity = [0; 32];
        aws_lc_rs::rand::fill(&mut identity).map_err(|_| KeyRejected::Backend)?;
        Ok(Self {
            secret,
            identity: Thumbprint::from_bytes(identity),
        })
    }

    /// The secret's bytes, for a backend to prepare.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.secret.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modulus(bits: usize) -> Vec<u8> {
        let mut modulus = vec![0x5b; bits.div_ceil(8)];
        modulus[0] = 1 << ((bits - 1) % 8);
        modulus
    }

    #[test]
    fn j7_rsa_has_2048_to_8192_bits() {
        let exponent = [1, 0, 1];
        for bits in [2048, 2049, 4096, 8192] {
            assert!(RsaKey::new(&modulus(bits), &exponent).is_ok(), "{bits}");
        }
        for bits in [1, 512, 1024, 2047] {
            assert_eq!(
                RsaKey::new(&modulus(bits), &exponent),
                Err(KeyRejected::RsaTooSmall { bits })
            );
        }
        assert_eq!(
            RsaKey::new(&modulus(8193), &exponent),
            Err(KeyRejected::RsaTooLarge { bits: 8193 })
        );
        assert_eq!(
            RsaKey::new(&[], &exponent),
            Err(KeyRejected::RsaTooSmall { bits: 0 })
        );
        assert_eq!(
            RsaKey::new(&[0; 256], &exponent),
            Err(KeyRejected::RsaTooSmall { bits: 0 })
        );
        let padded = [vec![0; 2], modulus(2047)].concat();
        assert_eq!(
            RsaKey::new(&padded, &exponent),
            Err(KeyRejected::RsaTooSmall { bits: 2047 })
        );
    }

    #[test]
    fn j7_rsa_numbers_are_sane() {
        let good = modulus(2048);
        for exponent in [
            &[][..],
            &[0],
            &[1],
            &[0, 0, 1],
            &[2],
            &[1, 0, 0],
            &[1, 0, 0, 0, 1],
        ] {
            assert_eq!(
                RsaKey::new(&good, exponent),
                Err(KeyRejected::RsaExponent),
                "{exponent:?}"
            );
        }
        assert!(RsaKey::new(&good, &[0, 3]).is_ok());
        let mut even = good;
        even[255] = 2;
        assert_eq!(RsaKey::new(&even, &[3]), Err(KeyRejected::RsaModulusEven));
    }

    #[test]
    fn coordinates_have_the_length_of_the_curve() {
        for (curve, length) in [(Curve::P256, 32), (Curve::P384, 48), (Curve::P521, 66)] {
            let coordinate = vec![7; length + 1];
            let make = |x: usize, y: usize| EcKey::new(curve, &coordinate[..x], &coordinate[..y]);
            assert!(make(length, length).is_ok());
            for (x, y) in [
                (length - 1, length),
                (length, length - 1),
                (length + 1, length),
                (0, 0),
                (length, 0),
            ] {
                assert_eq!(
                    make(x, y),
                    Err(KeyRejected::CoordinateLength),
                    "{curve:?} {x} {y}"
                );
            }
        }
        let key = EcKey::new(Curve::P256, &[1; 32], &[2; 32]).expect("lengths are right");
        assert_eq!((key.x(), key.y()), (&[1; 32][..], &[2; 32][..]));
    }

    #[test]
    fn a_short_ed25519_key_is_an_error_and_no_panic() {
        for length in [0, 1, 31, 33, 57] {
            assert_eq!(
                Ed25519Key::new(&vec![1; length]),
                Err(KeyRejected::CoordinateLength)
            );
        }
        assert!(Ed25519Key::new(&[1; 32]).is_ok());
    }

    #[test]
    fn a_secret_is_as_long_as_its_hash_and_never_shown() {
        for (algorithm, required) in [
            (Algorithm::HS256, 32),
            (Algorithm::HS384, 48),
            (Algorithm::HS512, 64),
        ] {
            let of = |length: usize| SecretKey::new(algorithm, Secret::new(vec![b's'; length]));
            assert!(of(required).is_ok());
            assert!(matches!(
                of(required - 1),
                Err(KeyRejected::SecretTooShort { .. })
            ));
            assert!(matches!(of(0), Err(KeyRejected::SecretTooShort { .. })));
        }
        let key = SecretKey::new(
            Algorithm::HS256,
            Secret::new("sssssssssssssssssssssssssssssssss"),
        )
        .expect("long enough");
        assert!(!format!("{key:?}").contains("ss"), "{key:?}");
        assert!(SecretKey::new(Algorithm::RS256, Secret::new(vec![1; 64])).is_err());
    }
}
