//! Digests as hexadecimal digits, in lower case.

use std::fmt;

/// Shows the bytes as hexadecimal digits.
pub(crate) struct Hex<'b>(pub(crate) &'b [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The bytes of exactly `2 * N` lower-case digits.
pub(crate) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 2 * N || !text.bytes().all(is_hex) {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_bytes_are_decoded() {
        let bytes = [0x00, 0x7f, 0xab, 0xff];
        assert_eq!(Hex(&bytes).to_string(), "007fabff");
        assert_eq!(decode("007fabff"), Some(bytes));
        for bad in [
            "",
            "007fabf",
            "007FABFF",
            "007fabff0",
            "007fabfg",
            "+07fabff",
            "ü07fabf",
        ] {
            assert_eq!(decode::<4>(bad), None, "{bad}");
        }
    }
}
