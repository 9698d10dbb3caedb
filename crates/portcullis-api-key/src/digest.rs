//! The digest that a store keeps instead of a key.

use std::{fmt, hint::black_box, str::FromStr};

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest, hmac};

use crate::{
    format::{ApiKey, InvalidApiKey},
    hex::{Hex, decode},
    pepper::Peppers,
};

const LENGTH: usize = digest::SHA256_OUTPUT_LEN;

/// The digest of a key: SHA-256, or HMAC-SHA-256 under a pepper.
///
/// A key has 160 random bits, so a password hash is not needed. As text, a digest is `sha256:{hex}` or
/// `hmac-sha256:{version of the pepper}:{hex}`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyDigest {
    pepper_version: Option<u32>,
    bytes: [u8; LENGTH],
}

impl KeyDigest {
    /// The digest of `key`, under the current pepper if there are peppers.
    #[must_use]
    pub fn of(key: &ApiKey, peppers: Option<&Peppers>) -> Self {
        Self::of_bytes(key.digest_input(), peppers.map(Peppers::current))
    }

    /// The digest of a whole text: that of a foreign key. Under the current pepper if there are peppers.
    #[must_use]
    pub fn of_text(text: &str, peppers: Option<&Peppers>) -> Self {
        Self::of_bytes(text.as_bytes(), peppers.map(Peppers::current))
    }

    /// The digests that a record of a foreign key may have: the plain one, and one under each pepper.
    pub(crate) fn all_of(text: &[u8], peppers: Option<&Peppers>) -> Vec<Self> {
        let peppers = peppers.into_iter().flat_map(Peppers::all);
        let peppers = std::iter::once(None).chain(peppers.map(Some));
        peppers.map(|pepper| Self::of_bytes(text, pepper)).collect()
    }

    /// The digest of a key's input under the current pepper.
    pub(crate) fn of_input(digest_input: &[u8], peppers: &Peppers) -> Self {
        Self::of_bytes(digest_input, Some(peppers.current()))
    }

    /// Whether the digest has no pepper, or one of a lower version than the current one. Higher versions stay: while a pepper
    /// is being deployed, instances with different current peppers must not replace each other's digests.
    pub(crate) fn is_behind(&self, peppers: &Peppers) -> bool {
        self.pepper_version < Some(peppers.current().0)
    }

    fn of_bytes(data: &[u8], pepper: Option<&(u32, hmac::Key)>) -> Self {
        Self {
            pepper_version: pepper.map(|(version, _)| *version),
            bytes: compute(pepper.map(|(_, pepper)| pepper), data),
        }
    }

    /// Without the kind of the digest and the version of its pepper.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The version of the pepper that is mixed in, if one is.
    #[must_use]
    pub fn pepper_version(&self) -> Option<u32> {
        self.pepper_version
    }

    /// Whether this is the digest of `digest_input`, compared in constant time. If they differ and `peppers` is given, the
    /// other kind of digest (plain or with a pepper) is computed too, so that the time does not tell which kind the record has.
    pub(crate) fn matches(
        &self,
        digest_input: &[u8],
        peppers: Option<&Peppers>,
    ) -> Result<bool, UnknownPepper> {
        let pepper = match self.pepper_version {
            None => None,
            Some(version) => {
                let pepper = peppers.and_then(|peppers| peppers.get(version));
                Some(pepper.ok_or(UnknownPepper(version))?)
            }
        };
        let actual = compute(pepper, digest_input);
        #[cfg(test)]
        Work::note(|work| work.comparisons += 1);
        let is_match = verify_slices_are_equal(&actual, &self.bytes).is_ok();
        if let Some(peppers) = peppers.filter(|_| !is_match) {
            let other_kind = match self.pepper_version {
                None => Some(&peppers.current().1),
                Some(_) => None, // the plain digest
            };
            black_box(compute(other_kind, black_box(digest_input)));
        }
        Ok(is_match)
    }

    /// Whether the digests are equal, compared in constant time.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        #[cfg(test)]
        Work::note(|work| work.comparisons += 1);
        let is_match = verify_slices_are_equal(&self.bytes, &other.bytes).is_ok();
        is_match & (self.pepper_version == other.pepper_version)
    }

    /// Stands in for the stored digest when the id is unknown, so that the check takes as long as for a known id.
    pub(crate) fn dummy(peppers: Option<&Peppers>) -> Self {
        Self {
            pepper_version: peppers.map(|peppers| peppers.current().0),
            bytes: [0; LENGTH],
        }
    }
}

/// A digest names a pepper that is not configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnknownPepper(pub(crate) u32);

fn compute(pepper: Option<&hmac::Key>, data: &[u8]) -> [u8; LENGTH] {
    #[cfg(test)]
    Work::note(|work| work.digests += 1);
    let mut bytes = [0; LENGTH];
    match pepper {
        None => bytes.copy_from_slice(digest::digest(&digest::SHA256, data).as_ref()),
        Some(pepper) => bytes.copy_from_slice(hmac::sign(pepper, data).as_ref()),
    }
    bytes
}

impl fmt::Display for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pepper_version {
            None => f.write_str("sha256:")?,
            Some(version) => write!(f, "hmac-sha256:{version}:")?,
        }
        Hex(&self.bytes).fmt(f)
    }
}

impl fmt::Debug for KeyDigest {
    /// Leaves out the digest, to keep it out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyDigest")
            .field("pepper", &self.pepper_version)
            .finish_non_exhaustive()
    }
}

impl FromStr for KeyDigest {
    type Err = InvalidApiKey;

    fn from_str(text: &str) -> Result<Self, InvalidApiKey> {
        parse(text).ok_or(InvalidApiKey::Digest)
    }
}

fn parse(text: &str) -> Option<KeyDigest> {
    let (kind, rest) = text.split_once(':')?;
    let (pepper_version, hex) = match kind {
        "sha256" => (None, rest),
        "hmac-sha256" => {
            let (version, hex) = rest.split_once(':')?;
            // `u32::from_str` accepts `+1`.
            let version = version.parse().ok().filter(|_| !version.starts_with('+'))?;
            (Some(version), hex)
        }
        _ => return None,
    };
    Some(KeyDigest {
        pepper_version,
        bytes: decode(hex)?,
    })
}

/// The work of this thread. Tests compare the work for known and unknown ids.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) digests: usize,
    pub(crate) comparisons: usize,
}

#[cfg(test)]
impl Work {
    fn note(change: impl FnOnce(&mut Self)) {
        WORK.with_borrow_mut(change);
    }

    /// The work since the last call.
    pub(crate) fn take() -> Self {
        WORK.take()
    }
}

#[cfg(test)]
thread_local! {
    static WORK: std::cell::RefCell<Work> = const { std::cell::RefCell::new(Work { digests: 0, comparisons: 0 }) };
}

#[cfg(test)]
mod tests {
    use portcullis_core::Secret;

    use super::*;
    use crate::format::KeyPrefix;

    fn key() -> ApiKey {
        ApiKey::generate(&KeyPrefix::default()).expect("random bytes")
    }

    fn peppers(version: u32, fill: u8) -> Peppers {
        Peppers::new(version, &Secret::new(vec![fill; 32])).expect("long enough")
    }

    #[test]
    fn digest_is_sha_256_of_the_part_before_the_checksum() {
        // A change of the input would invalidate every stored key.
        let key =
            ApiKey::parse("acme_0123456789AB_0123456789ABCDEFGHIJKLMNOPQ0jAnNB").expect("a key");
        assert_eq!(
            KeyDigest::of(&key, None).to_string(),
            "sha256:4bf5d10291372cf316a37a5edb59185ac3eb5cc06d082df78e60b8c210af10af"
        );
    }

    #[test]
    fn digest_matches_only_its_key() {
        let (one, other) = (key(), key());
        for peppers in [None, Some(peppers(1, 7))] {
            let digest = KeyDigest::of(&one, peppers.as_ref());
            assert_eq!(
                digest.matches(one.digest_input(), peppers.as_ref()),
                Ok(true)
            );
            assert_eq!(
                digest.matches(other.digest_input(), peppers.as_ref()),
                Ok(false)
            );
            assert_eq!(digest.matches(b"", peppers.as_ref()), Ok(false));
        }
    }

    #[test]
    fn digest_needs_the_pepper_of_its_version() {
        let key = key();
        let old = peppers(1, 7);
        let digest = KeyDigest::of(&key, Some(&old));
        assert_eq!(digest.pepper_version, Some(1));
        assert_eq!(
            digest.matches(key.digest_input(), None),
            Err(UnknownPepper(1))
        );
        assert_eq!(
            digest.matches(key.digest_input(), Some(&peppers(2, 7))),
            Err(UnknownPepper(1))
        );
        assert_eq!(
            digest.matches(key.digest_input(), Some(&peppers(1, 8))),
            Ok(false)
        );
        let both = peppers(2, 8)
            .with_previous(1, &Secret::new(vec![7; 32]))
            .expect("another version");
        assert_eq!(digest.matches(key.digest_input(), Some(&both)), Ok(true));
        assert_eq!(KeyDigest::of(&key, Some(&both)).pepper_version, Some(2));
    }

    #[test]
    fn malformed_digest_text_is_rejected() {
        let hex = "ab".repeat(32);
        assert!(format!("sha256:{hex}").parse::<KeyDigest>().is_ok());
        assert!(format!("hmac-sha256:4:{hex}").parse::<KeyDigest>().is_ok());
        for bad in [
            String::new(),
            hex.clone(),
            format!("md5:{hex}"),
            format!("SHA256:{hex}"),
            format!("sha256:{hex}0"),
            format!("sha256:{}", hex.to_uppercase()),
            format!("sha256:1:{hex}"),
            format!("hmac-sha256:{hex}"),
            format!("hmac-sha256:-1:{hex}"),
            format!("hmac-sha256:+1:{hex}"),
            format!("hmac-sha256::{hex}"),
            format!("hmac-sha256:4294967296:{hex}"),
            format!("sha256:{}ü", &hex[2..]),
        ] {
            assert_eq!(
                bad.parse::<KeyDigest>(),
                Err(InvalidApiKey::Digest),
                "{bad}"
            );
        }
    }
}
