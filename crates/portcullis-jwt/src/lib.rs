//! Verifies JWT access tokens offline: claims, issuers' profiles, and the bearer scheme. Signatures and key sets are
//! those of [`portcullis_jose`].
//!
//! Everything here is sans-IO: bytes and a time in, a decision out. Fetching an issuer's keys is the work of
//! `portcullis-remote`.

pub use portcullis_jose::Algorithm;

mod bearer;
mod cache;
mod claim_path;
mod claims;
mod issuer_keys;
mod profile;
mod trusted;
mod verified;
mod verifier;
mod verify_error;

pub use self::bearer::{Bearer, BearerBuilder, BearerSettings};
pub use self::cache::{CacheLimits, CacheStatus};
pub use self::claim_path::ClaimPath;
pub use self::issuer_keys::{IssuerKeys, KeyPublisher, KeySnapshot, RefreshAnswer, Refresher};
#[cfg(feature = "profile-file")]
pub use self::profile::ProfileFileError;
pub use self::profile::{AudienceRule, Condition, Profile, UnknownProfile};
pub use self::trusted::TrustedIssuers;
pub use self::verified::VerifiedToken;
pub use self::verifier::{JwtBuilder, JwtVerifier, JwtVerifierBuilder};
pub use self::verify_error::VerifyError;
