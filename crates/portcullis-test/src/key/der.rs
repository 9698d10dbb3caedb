//! As little DER and PEM as exporting RSA keys takes.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The INTEGERs of the SEQUENCE that `der` is, big-endian, without the zero that keeps them positive.
///
/// For keys that the cryptographic library has just written, in PKCS#1 (RFC 8017 appendix A.1).
pub(super) fn integers(der: &[u8]) -> Vec<&[u8]> {
    let (_, mut rest) = read(der).0;
    let mut integers = Vec::new();
    while !rest.is_empty() {
        let ((tag, value), after) = read(rest);
        if tag == 0x02 {
            integers.push(value.strip_prefix(&[0]).unwrap_or(value));
        }
        rest = after;
    }
    integers
}

/// The OCTET STRING inside a PKCS#8 `PrivateKeyInfo` (RFC 5208 §5), which holds the key in its own format.
pub(super) fn pkcs8_private_key(der: &[u8]) -> &[u8] {
    let (_, mut rest) = read(der).0;
    while !rest.is_empty() {
        let ((tag, value), after) = read(rest);
        if tag == 0x04 {
            return value;
        }
        rest = after;
    }
    &[]
}

type Element<'a> = (u8, &'a [u8]);

/// The first element: tag and contents; and what comes after it. Empty where the bytes are no DER.
fn read(der: &[u8]) -> (Element<'_>, &[u8]) {
    try_read(der).unwrap_or(((0, &[]), &[]))
}

fn try_read(der: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&[tag, first], rest) = der.split_first_chunk()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        let length = bytes
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte));
        (length, rest)
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some(((tag, contents), rest))
}

/// A SEQUENCE of positive INTEGERs, as X.509 writes an ECDSA signature (RFC 3279 §2.2.3).
pub(crate) fn sequence_of_integers<'a>(integers: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut contents = Vec::new();
    for integer in integers {
        let start = integer
            .iter()
            .position(|byte| *byte != 0)
            .unwrap_or(integer.len());
        // Positive, and at least one byte.
        let sign = match integer.get(start) {
            Some(..0x80) => &[][..],
            _ => &[0],
        };
        write(&mut contents, 0x02, &[sign, &integer[start..]].concat());
    }
    let mut sequence = Vec::new();
    write(&mut sequence, 0x30, &contents);
    sequence
}

fn write(der: &mut Vec<u8>, tag: u8, contents: &[u8]) {
    der.push(tag);
    let length = contents.len().to_be_bytes();
    let length = &length[length
        .iter()
        .position(|byte| *byte != 0)
        .unwrap_or(length.len() - 1)..];
    match length {
        [short @ ..0x80] => der.push(*short),
        long => {
            der.push(0x80 | u8::try_from(long.len()).unwrap_or(0x7f));
            der.extend(long);
        }
    }
    der.extend(contents);
}

/// PEM around `der` (RFC 7468 §2), 64 characters a line.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    for start in (0..text.len()).step_by(64) {
        pem.push_str(&text[start..text.len().min(start + 64)]);
        pem.push('\n');
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_either_length_form() {
        assert_eq!(integers(&[0x30, 6, 2, 1, 5, 2, 1, 7]), [[5], [7]]);
        assert_eq!(integers(&[0x30, 0x81, 4, 2, 2, 0, 0x80]), [[0x80]]);
    }

    #[test]
    fn a_sequence_reads_as_it_was_written() {
        let long = [0x81; 300];
        let integers_in = [&[0, 0, 5][..], &[0x80], &[0], &long];
        let der = sequence_of_integers(integers_in);
        assert_eq!(der[..4], [0x30, 0x82, 0x01, 0x3b]);
        assert_eq!(integers(&der), [&[5][..], &[0x80], &[], &long]);
    }

    #[test]
    fn what_is_no_der_has_no_integers() {
        assert!(integers(&[]).is_empty());
        assert!(integers(&[0x30, 0x85, 1]).is_empty());
        assert_eq!(pkcs8_private_key(&[0x30, 2, 4, 9]), b"");
    }
}
