//! Verifies JWT access tokens offline: JSON Web Signatures, key sets, issuers' profiles, and the bearer scheme.
//!
//! Everything here is sans-IO: bytes and a time in, a decision out. Fetching an issuer's keys is the work of
//! `portcullis-remote`.

// The lower half, from bytes to a signature that holds.
mod algorithm;
pub mod backend;
mod base64url;
mod header;
pub mod json;
mod jwk;
mod jws;
mod key_set;
mod thumbprint;
