//! Verifies JWT access tokens offline: JSON Web Signatures, key sets, issuers' profiles, and the bearer scheme. And
//! signs what a client signs: assertions, DPoP proofs.
//!
//! Everything here is sans-IO: bytes and a time in, a decision out. Fetching an issuer's keys is the work of
//! `portcullis-remote`.

// The lower half, from bytes to a signature that holds.
mod algorithm;
pub mod backend;
mod base64url;
mod header;
mod json;
mod jwk;
mod jws;
mod key_material;
mod key_set;
#[cfg(test)]
mod testing;
mod thumbprint;

pub use self::algorithm::{Algorithm, AlgorithmSet, UnknownAlgorithm};
pub use self::header::{Header, HeaderBuffer};
pub use self::json::JsonError;
#[doc(hidden)]
pub use self::json::check_foreign_json;
pub use self::jwk::{Deviation, SkipReason};
pub use self::jws::{CompactJws, JwsError, Part, SignatureBuffer};
pub use self::key_material::{
    Curve, EcKey, Ed25519Key, KeyMaterial, KeyRejected, RsaKey, SecretKey,
};
pub use self::key_set::{
    Candidates, KeySet, KeySetError, MatchedBy, NoCandidate, PemError, SignatureError, SkippedKey,
    ToleratedKey, VerificationKey,
};
pub use self::thumbprint::Thumbprint;

// The other side: what a client proves itself with.
mod dpop;
mod signing;

pub use self::dpop::{DpopKey, DpopRequest};
pub use self::signing::{SignError, SigningKey, SigningKeyError};

// What a verifier borrows, and who keeps it fresh.
mod issuer_keys;
mod known_headers;

pub use self::issuer_keys::{
    IssuerKeys, KeyPublisher, KeySnapshot, Refresh, RefreshAnswer, RefreshOutcome,
};

// The upper half, from a signature that holds to a principal.
mod bearer;
mod cache;
mod claim_name;
mod claim_path;
mod claims;
mod profile;
mod trusted;
mod verified;
mod verifier;
mod verify_error;

pub use self::bearer::{Bearer, BearerBuilder, TrustingBearerBuilder};
pub use self::cache::{CacheLimits, CacheStatus};
pub use self::claim_path::ClaimPath;
#[cfg(feature = "profile-file")]
pub use self::profile::ProfileFileError;
pub use self::profile::{AudienceRule, Condition, KindRule, Profile, UnknownProfile};
pub use self::trusted::TrustedIssuers;
pub use self::verified::VerifiedToken;
pub use self::verifier::{JwtVerifier, JwtVerifierBuilder};
pub use self::verify_error::VerifyError;
