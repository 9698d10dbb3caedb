/// Why a text is not an API key, or not the id or the digest of an API key.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidApiKey {
    /// It does not have the form `{prefix}_{id}_{secret}{checksum}`.
    #[error("not an API key: copy the whole text that `portcullis keys create` printed")]
    Form,
    /// It begins like a key, but is shorter or longer than a key.
    #[error("the API key was cut off or pasted twice (wrong length): copy it again")]
    Length,
    /// It has the form and the length of a key, but was mistyped.
    #[error("the API key was mistyped (its checksum does not match): copy it instead of typing it")]
    Checksum,
    /// It is not an id.
    #[error("not the id of an API key: give its middle part, {}", Self::ID_FORM)]
    Id,
    /// It is not a digest.
    #[error("not the digest of an API key: write {}", Self::DIGEST_FORM)]
    Digest,
}

impl InvalidApiKey {
    pub(crate) const ID_FORM: &str = "twelve letters and digits";
    pub(crate) const DIGEST_FORM: &str = "`sha256:` (as `portcullis keys create` writes it) or `hmac-sha256:VERSION:` \
         (with the version of the pepper), then 64 lower-case hexadecimal digits";
}

portcullis_core::debug_as_report!(InvalidApiKey);
