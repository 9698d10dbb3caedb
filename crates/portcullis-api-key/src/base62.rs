//! Base62: digits and letters, safe in shells and URLs.

use aws_lc_rs::{error::Unspecified, rand};
use zeroize::Zeroize;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The number of digits of a `u32`: 62⁶ > 2³².
pub(crate) const U32_DIGITS: usize = 6;

pub(crate) fn is_base62(text: &[u8]) -> bool {
    // Without an early exit, so that the compiler can vectorize the loop.
    text.iter()
        .fold(true, |so_far, byte| so_far & byte.is_ascii_alphanumeric())
}

/// Fills `digits` with uniformly distributed random digits.
pub(crate) fn fill_random(digits: &mut [u8]) -> Result<(), Unspecified> {
    // Bytes from 248 on are dropped. 248 = 4 · 62, so each digit comes from four of the other bytes.
    const EVEN: u8 = 248;
    let mut random = [0_u8; 64];
    let mut filled = 0;
    while filled < digits.len() {
        rand::fill(&mut random)?;
        for byte in random.iter().filter(|byte| **byte < EVEN) {
            let Some(digit) = digits.get_mut(filled) else {
                break;
            };
            *digit = ALPHABET[usize::from(byte % 62)];
            filled += 1;
        }
    }
    random.zeroize();
    Ok(())
}

/// Encodes a number in exactly [`U32_DIGITS`] digits, most significant first.
pub(crate) fn encode_u32(number: u32) -> [u8; U32_DIGITS] {
    const THREE_DIGITS: u32 = 62 * 62 * 62;
    let digit = |number: u32| ALPHABET[(number % 62) as usize];
    let three = |number: u32| [digit(number / (62 * 62)), digit(number / 62), digit(number)];
    let ([a, b, c], [d, e, f]) = (three(number / THREE_DIGITS), three(number % THREE_DIGITS));
    [a, b, c, d, e, f]
}

/// The last `N` digits of a number, most significant first.
pub(crate) fn digits_of<const N: usize>(mut number: u128) -> [u8; N] {
    let mut digits = [0; N];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(number % 62) as usize];
        number /= 62;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_fixed_width() {
        assert_eq!(&encode_u32(0), b"000000");
        assert_eq!(&encode_u32(61), b"00000z");
        assert_eq!(&encode_u32(62), b"000010");
        assert_eq!(&encode_u32(u32::MAX), b"4gfFC3");
        assert_eq!(&digits_of(u32::MAX.into()), b"004gfFC3");
        assert_eq!(&digits_of(62 * 62 + 61), b"0z");
    }

    #[test]
    fn random_digits_are_uniform() {
        let mut digits = vec![0; 62 * 2_000];
        fill_random(&mut digits).expect("random bytes");
        let mut counts = [0_u32; 256];
        for digit in digits {
            counts[usize::from(digit)] += 1;
        }
        for digit in ALPHABET {
            // The standard deviation is about 44. Without dropping bytes, eight digits would be near 2,420.
            let count = counts[usize::from(*digit)];
            assert!(
                (1_700..2_300).contains(&count),
                "{} came {count} times",
                char::from(*digit)
            );
        }
        assert_eq!(counts.iter().filter(|count| **count > 0).count(), 62);
    }
}
