//! The public key of `RS*` and `PS*`.

use super::{KeyMaterial, KeyRejected};

impl KeyMaterial {
    /// Takes both numbers in big-endian order and removes leading zeros, which RFC 7518 §6.3.1.1 forbids but some
    /// issuers send.
    pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyRejected> {
        let modulus = without_leading_zeros(modulus);
        let exponent = without_leading_zeros(exponent);
        match bits(modulus) {
            bits if bits < 2048 => return Err(KeyRejected::RsaTooSmall(bits)),
            bits if bits > 8192 => return Err(KeyRejected::RsaTooLarge(bits)),
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
        Ok(Self::Rsa {
            modulus: modulus.into(),
            exponent: exponent.into(),
        })
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
    number.last().is_none_or(|last| last.is_multiple_of(2))
}

/// Whether all residues of `modulus` are powers of 65537. Keys of one widespread weak generator have this property, and
/// others practically never (Nemec et al., "The Return of Coppersmith's Attack", §3.2).
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

#[cfg(test)]
mod tests {
    use super::*;

    fn key(modulus: &[u8], exponent: &[u8]) -> Result<(), KeyRejected> {
        KeyMaterial::rsa(modulus, exponent).map(|_| ())
    }

    fn modulus(bits: usize) -> Vec<u8> {
        let mut modulus = vec![0x5b; bits.div_ceil(8)];
        modulus[0] = 1 << ((bits - 1) % 8);
        modulus
    }

    #[test]
    fn j7_rsa_has_2048_to_8192_bits() {
        let exponent = [1, 0, 1];
        for bits in [2048, 2049, 4096, 8192] {
            assert!(key(&modulus(bits), &exponent).is_ok(), "{bits}");
        }
        for bits in [1, 512, 1024, 2047] {
            assert_eq!(
                key(&modulus(bits), &exponent),
                Err(KeyRejected::RsaTooSmall(bits))
            );
        }
        assert_eq!(
            key(&modulus(8193), &exponent),
            Err(KeyRejected::RsaTooLarge(8193))
        );
        assert_eq!(key(&[], &exponent), Err(KeyRejected::RsaTooSmall(0)));
        assert_eq!(key(&[0; 256], &exponent), Err(KeyRejected::RsaTooSmall(0)));
        let padded = [vec![0; 2], modulus(2047)].concat();
        assert_eq!(key(&padded, &exponent), Err(KeyRejected::RsaTooSmall(2047)));
    }

    #[test]
    fn j7_even_modulus_and_bad_exponent_are_rejected() {
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
                key(&good, exponent),
                Err(KeyRejected::RsaExponent),
                "{exponent:?}"
            );
        }
        assert!(key(&good, &[0, 3]).is_ok());
        let mut even = good;
        even[255] = 2;
        assert_eq!(key(&even, &[3]), Err(KeyRejected::RsaModulusEven));
    }

    #[test]
    fn roca_modulus_is_rejected() {
        // A power of 65537 has the fingerprint, as do the products of the primes that the generator made.
        let mut power = vec![1_u8];
        for _ in 0..128 {
            let shifted = [&power[..], &[0, 0]].concat();
            let mut carry = 0;
            let mut next: Vec<u8> = Vec::new();
            for (position, digit) in shifted.iter().rev().enumerate() {
                let addend = power.iter().rev().nth(position).copied().unwrap_or(0);
                let sum = u16::from(*digit) + u16::from(addend) + carry;
                next.push((sum % 256) as u8);
                carry = sum / 256;
            }
            next.extend((carry > 0).then_some(1));
            next.reverse();
            power = next;
        }
        assert_eq!(key(&power, &[1, 0, 1]), Err(KeyRejected::RsaWeakGenerator));
        let last = power.len() - 1;
        power[last] ^= 2;
        assert!(key(&power, &[1, 0, 1]).is_ok());
    }
}
