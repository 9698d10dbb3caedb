//! How real servers answer a client whose credential they do not accept.

use serde_json::{Value, json};

/// The form in which a [`TestIssuer`](crate::TestIssuer) refuses a client whose credential it does not accept. The status is
/// 401 in each of them. The bodies are those of the servers they are named after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// `invalid_client`, as RFC 6749 §5.2 has it.
    #[default]
    Rfc6749,
    /// `unauthorized_client`, as Keycloak 20 to 26.
    Keycloak,
    /// `access_denied`, as Auth0.
    Auth0,
    /// `unauthorized`, as Cloud Foundry UAA.
    Uaa,
    /// `errorCode` and `errorSummary`, as Okta.
    Okta,
}

impl Dialect {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Rfc6749,
        Self::Keycloak,
        Self::Auth0,
        Self::Uaa,
        Self::Okta,
    ];

    /// The body that refuses a client; `None` for the usual one.
    pub(crate) fn refusal(self) -> Option<Value> {
        Some(match self {
            Self::Rfc6749 => return None,
            Self::Keycloak => json!({
                "error": "unauthorized_client",
                "error_description": "Invalid client or Invalid client credentials",
            }),
            Self::Auth0 => json!({
                "error": "access_denied",
                "error_description": "Unauthorized",
            }),
            Self::Uaa => json!({
                "error": "unauthorized",
                "error_description": "Bad credentials",
            }),
            Self::Okta => json!({
                "errorCode": "invalid_client",
                "errorSummary": "Invalid value for 'client_id' parameter.",
                "errorLink": "invalid_client",
                "errorId": "oaeW0pWkbCbTFuPvOHhTqDIFw",
                "errorCauses": [],
            }),
        })
    }
}
