//! The public key of `EdDSA`.

use super::{KeyMaterial, KeyRejected};

impl KeyMaterial {
    /// Takes the encoded point (RFC 8037 §2). Rejects a point of small order, for which anyone can make signatures.
    pub(crate) fn ed25519(x: &[u8]) -> Result<Self, KeyRejected> {
        let point: [u8; 32] = x.try_into().map_err(|_| KeyRejected::CoordinateLength)?;
        let mut without_sign = point;
        without_sign[31] &= 0x7f;
        if SMALL_ORDER.contains(&without_sign) {
            return Err(KeyRejected::Ed25519SmallOrder);
        }
        Ok(Self::Ed25519(point))
    }
}

/// The encodings of the points whose order divides 8, canonical or not, without the sign bit.
const SMALL_ORDER: [[u8; 32]; 7] = [
    ends(0x00, 0x00, 0x00),
    ends(0x01, 0x00, 0x00),
    ends(0xec, 0xff, 0x7f),
    ends(0xed, 0xff, 0x7f),
    ends(0xee, 0xff, 0x7f),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

const fn ends(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(x: &[u8]) -> Result<(), KeyRejected> {
        KeyMaterial::ed25519(x).map(|_| ())
    }

    #[test]
    fn ed25519_key_of_wrong_length_is_rejected() {
        for length in [0, 1, 31, 33, 57] {
            assert_eq!(key(&vec![1; length]), Err(KeyRejected::CoordinateLength));
        }
        assert!(key(&[1; 32]).is_ok());
    }

    #[test]
    fn small_order_point_is_rejected() {
        // The neutral element: under it, R = [S]B holds for every message.
        let neutral = ends(0x01, 0x00, 0x00);
        assert_eq!(key(&neutral), Err(KeyRejected::Ed25519SmallOrder));
        for mut encoding in SMALL_ORDER {
            assert_eq!(key(&encoding), Err(KeyRejected::Ed25519SmallOrder));
            encoding[31] |= 0x80;
            assert_eq!(key(&encoding), Err(KeyRejected::Ed25519SmallOrder));
            encoding[5] ^= 1;
            assert!(key(&encoding).is_ok());
        }
    }
}
