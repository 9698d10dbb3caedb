//! The scopes that the routes require.

use portcullis_core::Scope;

/// Lists and shows the caller's own keys.
pub const READ_KEYS: Scope = Scope::from_static("keys:read");
/// Creates, rotates and revokes the caller's own keys.
pub const WRITE_KEYS: Scope = Scope::from_static("keys:write");
/// Manages the keys of all owners, with any scopes.
pub const ADMIN_KEYS: Scope = Scope::from_static("keys:admin");
/// Checks keys that other callers sent.
pub const INTROSPECT_KEYS: Scope = Scope::from_static("keys:introspect");
