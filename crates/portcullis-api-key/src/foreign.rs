//! Foreign keys: keys of another format, which were issued elsewhere and imported by their digest.

use aws_lc_rs::digest::{self, SHA256};
use portcullis_core::clock::UnixTime;

use crate::{base62, digest::KeyDigest, error::KeyError, format::ApiKeyId, record::KeyRecord};

impl ApiKeyId {
    /// The id of a foreign key, derived from its digest: twelve base62 digits of SHA-256 over a fixed label and the digest.
    ///
    /// The id is public. It helps nobody to find a key that has at least 128 random bits. A weaker key can be guessed from the
    /// id of its plain digest: import the HMAC of such a key, under a pepper.
    #[must_use]
    pub fn of_foreign(digest: &KeyDigest) -> Self {
        const LABEL: &[u8] = b"portcullis foreign key id\0";
        let mut context = digest::Context::new(&SHA256);
        context.update(LABEL);
        context.update(digest.as_bytes());
        let mut number = [0; 16];
        number.copy_from_slice(&context.finish().as_ref()[..16]);
        // 62¹² < 2⁷², so the remainder of a number of 128 bits is as good as uniform.
        Self::from_digits(base62::digits_of(u128::from_be_bytes(number)))
    }
}

impl KeyRecord {
    /// A record of a foreign key, for importers: as [`new`](Self::new), with the id that belongs to the digest of the whole
    /// key. [`KeyDigest::of_text`] makes the digest of a key at hand; another system's digest is parsed from its text.
    ///
    /// ```
    /// use portcullis_api_key::{KeyDigest, KeyRecord};
    /// use portcullis_core::clock::UnixTime;
    ///
    /// let digest = KeyDigest::of_text("legacy-9f8b6c1e52d04a7f8e1b3c5d7a9e0f12", None);
    /// let record = KeyRecord::foreign(digest, "billing", UnixTime::from_secs(1_700_000_000))?;
    /// assert!(record.is_foreign);
    /// # Ok::<_, portcullis_api_key::KeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`KeyError::Owner`].
    pub fn foreign(
        digest: KeyDigest,
        owner: impl Into<Box<str>>,
        created_at: UnixTime,
    ) -> Result<Self, KeyError> {
        let id = ApiKeyId::of_foreign(&digest);
        Ok(Self {
            is_foreign: true,
            ..Self::new(id, digest, owner, created_at)?
        })
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::Secret;

    use super::*;
    use crate::pepper::Peppers;

    const KEY: &str = "legacy-9f8b6c1e52d04a7f8e1b3c5d7a9e0f12";

    #[test]
    fn id_follows_from_the_digest() {
        // A change of the derivation would lose every imported key.
        let plain = KeyDigest::of_text(KEY, None);
        assert_eq!(ApiKeyId::of_foreign(&plain).as_str(), "lVRX20K2ZfON");
        let peppers = Peppers::new(1, &Secret::new(vec![1; 32])).expect("long enough");
        let peppered = KeyDigest::of_text(KEY, Some(&peppers));
        assert_ne!(
            ApiKeyId::of_foreign(&peppered),
            ApiKeyId::of_foreign(&plain)
        );
        assert_eq!(peppered.pepper_version(), Some(1));
    }

    #[test]
    fn record_has_the_id_of_its_digest() {
        let digest = KeyDigest::of_text(KEY, None);
        let record = KeyRecord::foreign(digest, "a", UnixTime::from_secs(1)).expect("a record");
        assert!(record.is_foreign);
        assert_eq!(record.id, ApiKeyId::of_foreign(&digest));
    }
}
