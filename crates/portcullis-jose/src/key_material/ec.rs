//! The points of `ES*`.

use super::{Curve, KeyMaterial, KeyRejected};

impl Curve {
    /// Takes the uncompressed point (SEC 1 §2.3.3). The backend checks that it is on the curve.
    pub(crate) fn key(&self, point: &[u8]) -> Result<KeyMaterial, KeyRejected> {
        if point.first() != Some(&4) || point.len() != 1 + 2 * self.coordinate_bytes {
            return Err(KeyRejected::CoordinateLength);
        }
        Ok(KeyMaterial::Ec {
            algorithm: self.algorithm,
            point: point.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::Algorithm::{ES256, ES384, ES512};

    #[test]
    fn point_must_have_the_length_of_the_curve() {
        for (algorithm, length) in [(ES256, 65), (ES384, 97), (ES512, 133)] {
            let curve = Curve::of(algorithm).expect("a curve");
            assert!(curve.key(&vec![4; length]).is_ok());
            for point in [
                vec![4; length - 1],
                vec![4; length + 1],
                vec![2; length],
                vec![],
            ] {
                let refused = curve.key(&point).map(|_| ());
                assert_eq!(refused, Err(KeyRejected::CoordinateLength), "{curve:?}");
            }
        }
    }
}
