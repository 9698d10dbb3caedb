//! The clients an issuer knows.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use portcullis_core::Secret;

/// The client that a test issuer knows when it was told of none; see
/// [`TestIssuerBuilder::client`](crate::TestIssuerBuilder::client).
pub const DEFAULT_CLIENT_ID: &str = "test-client";

/// The secret of [`DEFAULT_CLIENT_ID`].
pub const DEFAULT_CLIENT_SECRET: &str = "test-secret";

#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    /// Any of them will do.
    pub(crate) secrets: Vec<Secret>,
    /// `None`: whatever it asks for.
    scopes: Option<Vec<String>>,
}

impl Client {
    pub(crate) fn new(id: &str, secret: Secret, scopes: Vec<String>) -> Self {
        Self {
            id: id.to_owned(),
            secrets: vec![secret],
            scopes: Some(scopes),
        }
    }

    /// The client of an issuer that was told of none: it gets whatever scope it asks for.
    pub(crate) fn unlimited() -> Self {
        Self {
            id: DEFAULT_CLIENT_ID.to_owned(),
            secrets: vec![Secret::new(DEFAULT_CLIENT_SECRET)],
            scopes: None,
        }
    }

    pub(crate) fn has_secret(&self, presented: &str) -> bool {
        self.secrets
            .iter()
            .any(|own| verify_slices_are_equal(own.expose(), presented.as_bytes()).is_ok())
    }

    /// What the client is granted when it asks for `requested`; `None` when that is more than it may have.
    ///
    /// Asking for nothing means everything it may have (RFC 6749 §3.3 leaves that to the server).
    pub(crate) fn grant(&self, requested: Option<&str>) -> Option<String> {
        let Some(requested) = requested else {
            return Some(self.scopes.as_deref().unwrap_or_default().join(" "));
        };
        let well_formed = requested.split(' ').all(is_scope_token);
        let allowed = self.scopes.as_ref().is_none_or(|scopes| {
            requested
                .split(' ')
                .all(|scope| scopes.iter().any(|own| own == scope))
        });
        (well_formed && allowed).then(|| requested.to_owned())
    }
}

/// RFC 6749 §3.3.
fn is_scope_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn billing() -> Client {
        let scopes = ["orders:read", "orders:write"].map(String::from).to_vec();
        Client::new("billing", Secret::new("s"), scopes)
    }

    #[test]
    fn a_client_is_granted_what_it_may_have() {
        assert_eq!(
            billing().grant(None).as_deref(),
            Some("orders:read orders:write")
        );
        assert_eq!(
            billing().grant(Some("orders:read")).as_deref(),
            Some("orders:read")
        );
        for refused in [
            "orders:admin",
            "orders:read orders:admin",
            "",
            "orders:read ",
            "orders",
        ] {
            assert_eq!(billing().grant(Some(refused)), None, "{refused:?}");
        }
    }

    #[test]
    fn the_unlimited_client_is_granted_any_well_formed_scope() {
        assert_eq!(Client::unlimited().grant(None).as_deref(), Some(""));
        assert_eq!(
            Client::unlimited().grant(Some("a b")).as_deref(),
            Some("a b")
        );
        assert_eq!(Client::unlimited().grant(Some("a\"b")), None);
    }
}
