//! PEM blocks (RFC 7468), and the object identifiers of the keys in them.

use spki::ObjectIdentifier;
use spki::der::pem;

/// RFC 8017 §A.1.
pub(crate) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// RFC 5480 §2.1.1.
pub(crate) const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// RFC 8410 §3.
pub(crate) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The blocks of `text`, each with its label. Text between blocks is ignored. `None` if a block is ill-formed.
pub(crate) fn blocks(text: &[u8]) -> Option<Vec<(&str, &str)>> {
    const END: &str = "-----END ";

    let mut rest = std::str::from_utf8(text).ok()?;
    let mut blocks = Vec::new();
    while let Some(start) = rest.find("-----BEGIN ") {
        rest = &rest[start..];
        let end = rest.find(END)? + END.len();
        let end = end + rest[end..].find("-----")? + "-----".len();
        let (block, after) = rest.split_at(end);
        let label = pem::decode_label(block.as_bytes()).ok()?;
        blocks.push((label, block));
        rest = after;
    }
    Some(blocks)
}
