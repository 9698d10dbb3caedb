//! The public key of `ES*`.

use super::KeyRejected;
use crate::algorithm::Algorithm;

/// A curve for ECDSA.
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
    pub(crate) const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    /// The value of a JWK's `crv` (RFC 7518 §6.2.1.1).
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// The length of a coordinate in bytes.
    pub const fn coordinate_bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    pub(crate) const fn algorithm(self) -> Algorithm {
        match self {
            Self::P256 => Algorithm::ES256,
            Self::P384 => Algorithm::ES384,
            Self::P521 => Algorithm::ES512,
        }
    }
}

/// An ECDSA public key: two coordinates of the right length. The backend checks that they are a point on the curve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcKey {
    curve: Curve,
    point: Box<[u8]>,
}

impl EcKey {
    /// Takes both coordinates in big-endian order and full length (RFC 7518 §6.2.1.2).
    pub(crate) fn new(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, KeyRejected> {
        let length = curve.coordinate_bytes();
        if x.len() != length || y.len() != length {
            return Err(KeyRejected::CoordinateLength);
        }
        Ok(Self {
            curve,
            point: [&[4], x, y].concat().into(),
        })
    }

    /// Its curve.
    pub fn curve(&self) -> Curve {
        self.curve
    }

    pub(crate) fn x(&self) -> &[u8] {
        &self.point[1..=self.curve.coordinate_bytes()]
    }

    pub(crate) fn y(&self) -> &[u8] {
        &self.point[1 + self.curve.coordinate_bytes()..]
    }

    /// The uncompressed point (SEC 1 §2.3.3).
    pub fn uncompressed_point(&self) -> &[u8] {
        &self.point
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_must_have_the_length_of_the_curve() {
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
}
