use std::fmt;

use portcullis_core::Secret;

use super::{
    id::ApiKeyId,
    invalid::InvalidApiKey,
    prefix::{KeyPrefix, is_prefix},
};
use crate::{base62, error::KeyError};

/// 62²⁷ > 2¹⁶⁰.
const SECRET_LENGTH: usize = 27;
/// `_{id}_{secret}{checksum}`. The masks in `core/src/log/mask.rs` repeat these lengths.
const LENGTH_AFTER_PREFIX: usize = 1 + ApiKeyId::LENGTH + 1 + SECRET_LENGTH + base62::U32_DIGITS;

/// A whole key: `{prefix}_{id}_{secret}{checksum}`. Its holder sends it and must keep it secret.
///
/// The id has 12 base62 digits, the secret 27 (160.7 bits). The checksum has 6: the CRC-32 of everything before it. The memory
/// is zeroed on drop.
#[derive(Clone)]
pub struct ApiKey {
    id: ApiKeyId,
    text: Secret,
}

impl ApiKey {
    /// A new random key.
    ///
    /// # Errors
    ///
    /// [`KeyError::Random`] when the operating system returns no random bytes.
    pub fn generate(prefix: &KeyPrefix) -> Result<Self, KeyError> {
        let id = ApiKeyId::random().map_err(|_| KeyError::Random)?;
        // Sized once: growing would leave partial copies in memory.
        let mut text = Vec::with_capacity(prefix.as_str().len() + LENGTH_AFTER_PREFIX);
        for part in [prefix.as_str(), "_", id.as_str(), "_"] {
            text.extend_from_slice(part.as_bytes());
        }
        let start = text.len();
        text.resize(start + SECRET_LENGTH, 0);
        base62::fill_random(&mut text[start..]).map_err(|_| KeyError::Random)?;
        let checksum = crc32fast::hash(&text);
        text.extend_from_slice(&base62::encode_u32(checksum));
        Ok(Self {
            id,
            text: Secret::new(text),
        })
    }

    /// Parses a key, and checks its form and its checksum. Only a store can tell whether the key was issued.
    ///
    /// # Errors
    ///
    /// [`InvalidApiKey::Form`], [`InvalidApiKey::Length`] or [`InvalidApiKey::Checksum`].
    pub fn parse(text: &str) -> Result<Self, InvalidApiKey> {
        let presented = PresentedKey::parse(text.as_bytes())?;
        Ok(Self {
            id: presented.id,
            text: Secret::new(text),
        })
    }

    /// The public id.
    #[must_use]
    pub fn id(&self) -> ApiKeyId {
        self.id
    }

    /// The key as text. Do not log, echo or store it.
    #[must_use]
    pub fn expose(&self) -> &str {
        // The key is always ASCII, so the default is never used.
        self.text.expose_str().unwrap_or_default()
    }

    /// The key without its checksum: a store keeps the digest of this part.
    pub(crate) fn digest_input(&self) -> &[u8] {
        split_checksum(self.text.expose()).0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}, [redacted])", self.id)
    }
}

/// A well-formed key in a request, borrowed. Whether it was issued is not checked yet.
pub(crate) struct PresentedKey<'h> {
    pub(crate) id: ApiKeyId,
    pub(crate) prefix: &'h [u8],
    /// The key without its checksum. With a prefix of up to 14 characters it fits one block of SHA-256.
    pub(crate) digest_input: &'h [u8],
}

impl<'h> PresentedKey<'h> {
    pub(crate) fn parse(text: &'h [u8]) -> Result<Self, InvalidApiKey> {
        match Self::parse_exact(text) {
            Err(InvalidApiKey::Form) if has_wrong_length(text) => Err(InvalidApiKey::Length),
            parsed => parsed,
        }
    }

    fn parse_exact(text: &'h [u8]) -> Result<Self, InvalidApiKey> {
        let prefix_length = text.len().checked_sub(LENGTH_AFTER_PREFIX);
        let (prefix, rest) = text.split_at(prefix_length.ok_or(InvalidApiKey::Form)?);
        let (digest_input, checksum) = split_checksum(text);
        let (id, after_id) = rest[1..].split_at(ApiKeyId::LENGTH);
        let id = ApiKeyId::from_bytes(id).ok_or(InvalidApiKey::Form)?;
        if rest[0] != b'_'
            || after_id[0] != b'_'
            || !base62::is_base62(&after_id[1..])
            || !is_prefix(prefix)
        {
            return Err(InvalidApiKey::Form);
        }
        if base62::encode_u32(crc32fast::hash(digest_input)) != *checksum {
            return Err(InvalidApiKey::Checksum);
        }
        Ok(Self {
            id,
            prefix,
            digest_input,
        })
    }
}

fn split_checksum(key: &[u8]) -> (&[u8], &[u8]) {
    key.split_at(key.len() - base62::U32_DIGITS)
}

/// Whether the text begins like a key, but is shorter or longer than a key with that prefix.
fn has_wrong_length(text: &[u8]) -> bool {
    let is_id = |part: &[u8]| matches!(part, [b'_', id @ .., b'_'] if base62::is_base62(id));
    let prefix_length = text.windows(ApiKeyId::LENGTH + 2).position(is_id);
    prefix_length.is_some_and(|length| {
        is_prefix(&text[..length]) && text.len() - length != LENGTH_AFTER_PREFIX
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ApiKey {
        ApiKey::generate(&KeyPrefix::new("acme_live").expect("a prefix")).expect("random bytes")
    }

    #[test]
    fn key_has_prefix_and_id() {
        let key = key();
        let parsed = PresentedKey::parse(key.expose().as_bytes()).expect("a key");
        assert_eq!(parsed.id, key.id());
        assert_eq!(parsed.prefix, b"acme_live");
        assert_eq!(parsed.digest_input, key.digest_input());
        assert_eq!(
            key.expose(),
            format!(
                "acme_live_{}_{}",
                key.id(),
                &key.expose()["acme_live_".len() + ApiKeyId::LENGTH + 1..]
            )
        );
    }

    #[test]
    fn digested_part_of_a_default_key_fits_one_block() {
        let key = ApiKey::generate(&KeyPrefix::default()).expect("random bytes");
        assert!(
            key.digest_input().len() <= 55,
            "{}",
            key.digest_input().len()
        );
    }

    #[test]
    fn every_mistyped_character_is_detected() {
        let key = key();
        for position in 0..key.expose().len() {
            for wrong in b"0Aaz_-9" {
                let mut text = key.expose().as_bytes().to_vec();
                if text[position] != *wrong {
                    text[position] = *wrong;
                    assert!(PresentedKey::parse(&text).is_err(), "position {position}");
                }
            }
        }
    }

    #[test]
    fn every_swap_of_neighbours_is_detected() {
        for _ in 0..50 {
            let key = key();
            for position in 1..key.expose().len() {
                let mut text = key.expose().as_bytes().to_vec();
                text.swap(position - 1, position);
                if text != key.expose().as_bytes() {
                    assert!(PresentedKey::parse(&text).is_err(), "position {position}");
                }
            }
        }
    }

    #[test]
    fn truncated_or_extended_key_is_rejected() {
        let key = key();
        let text = key.expose();
        for length in 0..text.len() {
            assert!(ApiKey::parse(&text[..length]).is_err(), "cut to {length}");
            assert!(
                ApiKey::parse(&text[length + 1..]).is_err(),
                "cut from {length}"
            );
        }
        for extension in ["0", "_", " ", "000000", "\0"] {
            assert!(ApiKey::parse(&format!("{text}{extension}")).is_err());
            assert!(ApiKey::parse(&format!("{extension}{text}")).is_err());
        }
    }

    #[test]
    fn other_text_is_rejected_without_a_panic() {
        for length in 0..200 {
            for byte in [0, b'_', b'0', b'a', b'Z', 0x7f, 0xff] {
                assert!(PresentedKey::parse(&vec![byte; length]).is_err());
            }
        }
        for like in [
            "acme_4fXq0ZbT9kLm",
            "acme_4fXq0ZbT9kL_x",
            "Acme_4fXq0ZbT9kLm_x",
        ] {
            assert_eq!(ApiKey::parse(like).expect_err(like), InvalidApiKey::Form);
        }
        let huge = format!("a_{}", "x".repeat(1 << 20));
        assert_eq!(ApiKey::parse(&huge).expect_err("huge"), InvalidApiKey::Form);
    }

    #[test]
    fn checksum_covers_the_prefix() {
        let key = key();
        let other = key.expose().replacen("acme", "acne", 1);
        assert_eq!(
            ApiKey::parse(&other).expect_err("checksum"),
            InvalidApiKey::Checksum
        );
    }

    /// `log/mask.rs` of `portcullis-core` has the lengths of the parts of a key.
    #[test]
    fn generated_key_is_masked_in_logs() {
        let key = key();
        let text = key.expose();
        let (with_id, secret) = text.rsplit_once('_').expect("a key");
        let (cut, without_id) = (&text[..text.len() - 1], &text[with_id.len()..]);
        for text in [text, cut, without_id] {
            let shown = portcullis_core::log::escape(text);
            assert!(shown.ends_with("[masked]"), "{shown}");
            assert!(!shown.contains(&secret[..4]), "{shown}");
        }
    }

    #[test]
    fn debug_hides_the_secret() {
        let key = key();
        assert_eq!(
            format!("{key:?}"),
            format!("ApiKey({}, [redacted])", key.id())
        );
    }
}
