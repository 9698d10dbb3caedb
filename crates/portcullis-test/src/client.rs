//! The issuer's clients.

use portcullis_core::{Scope, Secret};

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
    pub(crate) fn new(id: &str, secret: impl Into<Vec<u8>>, scopes: Option<Vec<String>>) -> Self {
        Self {
            id: id.to_owned(),
            secrets: vec![Secret::new(secret)],
            scopes,
        }
    }

    /// The scope for a request, by default all that the client may have; `None` if the client may not have it.
    pub(crate) fn grant(&self, requested: Option<&str>) -> Option<String> {
        let Some(requested) = requested else {
            return Some(self.scopes.as_deref().unwrap_or_default().join(" "));
        };
        let is_granted = |scope: &str| match &self.scopes {
            Some(scopes) => scopes.iter().any(|own| own == scope),
            None => Scope::parse(scope).is_ok(),
        };
        let all = requested.split(' ').all(is_granted);
        all.then(|| requested.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn billing() -> Client {
        let scopes = ["orders:read", "orders:write"].map(String::from).to_vec();
        Client::new("billing", "s", Some(scopes))
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
        let client = Client::new(DEFAULT_CLIENT_ID, "s", None);
        assert_eq!(client.grant(None).as_deref(), Some(""));
        assert_eq!(client.grant(Some("a b")).as_deref(), Some("a b"));
        assert_eq!(client.grant(Some("a\"b")), None);
    }
}
