//! The little DER and PEM that exporting keys takes.

use base64::{Engine as _, engine::general_purpose::STANDARD};

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;

/// The INTEGERs in a SEQUENCE, big-endian, without the zero that keeps them positive: a PKCS#1 key (RFC 8017 appendix
/// A.1). Empty if the bytes are not DER.
pub(super) fn integers(der: &[u8]) -> Vec<&[u8]> {
    elements(der)
        .filter(|(tag, _)| *tag == INTEGER)
        .map(|(_, value)| value.strip_prefix(&[0]).unwrap_or(value))
        .collect()
}

/// The OCTET STRING of a PKCS#8 `PrivateKeyInfo` (RFC 5208 §5): the key in the format of its algorithm.
pub(super) fn pkcs8_private_key(der: &[u8]) -> &[u8] {
    elements(der)
        .find(|(tag, _)| *tag == OCTET_STRING)
        .map_or(&[], |(_, value)| value)
}

/// Tags and contents of the elements of a SEQUENCE.
fn elements(der: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = read(der).map_or(&[][..], |(_, contents, _)| contents);
    std::iter::from_fn(move || {
        let (tag, contents, after) = read(rest)?;
        rest = after;
        Some((tag, contents))
    })
}

/// The first element: its tag, its contents, and the bytes that follow it.
fn read(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = der.split_first_chunk()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        let shift = |length, byte: &u8| length << 8 | usize::from(*byte);
        (bytes.iter().fold(0, shift), rest)
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((tag, contents, rest))
}

/// DER in PEM (RFC 7468 §2), 64 characters a line.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    for start in (0..text.len()).step_by(64) {
        pem.push_str(&text[start..text.len().min(start + 64)]);
        pem.push('\n');
    }
    pem + &format!("-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_from_either_length_form() {
        assert_eq!(integers(&[0x30, 6, 2, 1, 5, 2, 1, 7]), [[5], [7]]);
        assert_eq!(integers(&[0x30, 0x81, 4, 2, 2, 0, 0x80]), [[0x80]]);
    }

    #[test]
    fn invalid_der_has_no_elements() {
        assert!(integers(&[]).is_empty());
        assert!(integers(&[0x30, 0x85, 1]).is_empty());
        assert_eq!(pkcs8_private_key(&[0x30, 2, 4, 9]), b"");
    }
}
