//! The issuer's clients.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use portcullis_core::Secret;

/// The client of a test issuer that was configured with none; see
/// [`TestIssuerBuilder::client`](crate::TestIssuerBuilder::client).
pub const DEFAULT_CLIENT_ID: &str = "test-client";

/// The secret of [`DEFAULT_CLIENT_ID`].
pub const DEFAULT_CLIENT_SECRET: &str = "test-secret";

#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    /// All secrets that are accepted.
    pub(crate) secrets: Vec<Secret>,
    /// The scopes it may request; `None` for any.
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

    /// The client of an issuer that was configured with none: it may request any scope.
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

    /// The scope for a request; `None` if it is ill-formed or more than the client may have.
    ///
    /// Without a request it is all that the client may have (RFC 6749 §3.3 leaves that to the server).
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
    fn scopes_of_the_client_are_granted_and_others_rejected() {
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
    fn the_default_client_is_granted_any_well_formed_scope() {
        assert_eq!(Client::unlimited().grant(None).as_deref(), Some(""));
        assert_eq!(
            Client::unlimited().grant(Some("a b")).as_deref(),
            Some("a b")
        );
        assert_eq!(Client::unlimited().grant(Some("a\"b")), None);
    }
}
