//! Credentials that the stacks accept, and the layer that accepts them.

use http::{HeaderName, HeaderValue};
use portcullis_core::{AuthenticateLayer, Scope};

use super::scheme::Known;

/// What the guarded routes of every stack ask for.
pub(super) const READ: Scope = Scope::from_static("orders:read");

pub(super) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// A reader's credentials, which hold [`READ`], and a stranger's, which are genuine but don't.
pub(super) struct Credentials {
    layer: AuthenticateLayer,
    /// A value of `Authorization`.
    pub(super) token: String,
    pub(super) key: String,
    pub(super) stranger_token: String,
    pub(super) stranger_key: String,
}

impl Credentials {
    pub(super) async fn issue() -> Self {
        let layer = AuthenticateLayer::any_of((Known::tokens(), Known::keys()));
        Self {
            layer: layer.expect("two schemes that read different headers"),
            token: "Bearer reader".to_owned(),
            key: "reader".to_owned(),
            stranger_token: "Bearer stranger".to_owned(),
            stranger_key: "stranger".to_owned(),
        }
    }

    /// Accepts tokens and API keys.
    pub(super) fn layer(&self) -> AuthenticateLayer {
        self.layer.clone()
    }

    pub(super) fn authorization(&self) -> HeaderValue {
        self.token.parse().expect("a header value")
    }
}
