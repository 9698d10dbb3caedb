//! Token and revocation requests to one authorization server as one client, and their settings.

use std::sync::Arc;

use portcullis_core::{ConfigError, clock::SharedClock};
use portcullis_jose::DpopKey;
use portcullis_oauth::{
    AuthorizationServer, ClientAuthentication, DpopNonces, OAuthAnswer, OAuthEndpoint,
};

use crate::{
    TokenError, TokenErrorKind,
    request::TokenRequest,
    token_response::{BEARER_TYPE, DPOP_TYPE, TokenResponse},
};

#[derive(Clone, Debug)]
pub(crate) struct TokenClient {
    pub(crate) server: AuthorizationServer,
    pub(crate) authentication: ClientAuthentication,
    pub(crate) request: TokenRequest,
    /// The key that tokens must be bound to (RFC 9449), if any.
    pub(crate) dpop_key: Option<DpopKey>,
    /// The nonces that services require in proofs of `dpop_key`.
    pub(crate) service_nonces: Arc<DpopNonces>,
}

impl TokenClient {
    pub(crate) fn new(server: AuthorizationServer, authentication: ClientAuthentication) -> Self {
        Self {
            server,
            authentication,
            request: TokenRequest::default(),
            dpop_key: None,
            service_nonces: Arc::default(),
        }
    }

    /// Checks the settings that are not checked when they are set.
    pub(crate) fn check(self) -> Result<Arc<Self>, ConfigError> {
        if self.request.max_token_bytes == Some(0) {
            return Err(ConfigError::new(
                "max_token_bytes",
                "must be > 0, or no token would be accepted",
            ));
        }
        self.server.check(&self.authentication)?;
        Ok(Arc::new(self))
    }

    pub(crate) fn clock(&self) -> &SharedClock {
        self.server.clock()
    }

    pub(crate) fn client_id(&self) -> &str {
        self.authentication.client_id()
    }

    pub(crate) fn warn_untyped(&self) {
        let (client_id, request) = (self.client_id(), &self.request);
        tracing::warn!(client_id, %request, "the token response has no `token_type`, so the token is used as a bearer token: configure the authorization server to send `token_type` (RFC 6749 §5.1)");
    }

    pub(crate) async fn fetch(
        &self,
        form: &[(&str, &str)],
    ) -> Result<(OAuthAnswer, TokenResponse), TokenError> {
        let key = self.dpop_key.as_ref();
        let token_type = key.map_or(BEARER_TYPE, |_| DPOP_TYPE);
        let (server, authentication) = (&self.server, &self.authentication);
        let answer = server.post_with_proof(OAuthEndpoint::Token, authentication, key, form);
        let answer = answer.await?;
        let response = TokenResponse::parse(&answer, token_type, &self.request)?;
        Ok((answer, response))
    }

    /// Revokes a token (RFC 7009). A token that the server does not know counts as revoked (§2.2).
    pub(crate) async fn revoke(&self, token: &str) -> Result<(), TokenError> {
        let form = [("token", token), ("token_type_hint", "access_token")];
        let (server, authentication) = (&self.server, &self.authentication);
        let answer = server.post(OAuthEndpoint::Revocation, authentication, &form);
        let error = match answer.await {
            Ok(answer) if answer.confirms_revocation() => return Ok(()),
            // 503 asks for another attempt later, whatever the body says (RFC 7009 §2.2.1).
            Ok(answer) => match answer.error().filter(|_| answer.status() != 503) {
                None if answer.has_revocation_status() => {
                    let what = "but its body reports an error or is invalid: check that this is the revocation endpoint";
                    let message = format!("{}, {what}", answer.url_and_status());
                    TokenError::new(TokenErrorKind::Unusable, message)
                }
                oauth_error => TokenError::from_answer(&answer, oauth_error, false),
            },
            Err(error) => error.into(),
        };
        Err(error.with_context("the revocation failed, so the token may still be valid"))
    }
}

/// Changes the client of a builder. After an invalid setting, later ones are ignored and the first error is kept.
pub(crate) fn configure(
    client: &mut Result<TokenClient, ConfigError>,
    set: impl FnOnce(&mut TokenClient) -> Result<(), ConfigError>,
) {
    if let Ok(valid) = client
        && let Err(error) = set(valid)
    {
        *client = Err(error);
    }
}

/// The setters of a builder with a field `client: Result<TokenClient, ConfigError>`.
macro_rules! request_setters {
    () => {
        /// Requests these scopes (RFC 6749 §3.3). By default none are sent, and the server decides what to grant.
        pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
            configure(&mut self.client, |client| client.request.add_scopes(scopes));
            self
        }

        /// Requests a token for this service (RFC 8707 §2): an absolute URI without a fragment. May be called several
        /// times, but a token for a single service is safer.
        pub fn resource(mut self, resource: impl Into<String>) -> Self {
            configure(&mut self.client, |client| {
                client.request.add_resource(resource.into())
            });
            self
        }

        /// Sets the `audience` parameter (RFC 8693 §2.1): the logical name of the service that the token is for. Some
        /// servers, Auth0 among them, require it for client credentials too.
        pub fn audience(mut self, audience: impl Into<String>) -> Self {
            configure(&mut self.client, |client| {
                Ok(client.request.audience = Some(audience.into()))
            });
            self
        }

        /// Binds tokens to this key (DPoP, RFC 9449), so that a stolen token is useless without the key. An unbound token
        /// in the answer is an error.
        pub fn dpop(mut self, key: $crate::DpopKey) -> Self {
            configure(&mut self.client, |client| Ok(client.dpop_key = Some(key)));
            self
        }

        /// The maximum length of a token in bytes; 8 KiB by default, which is also the default limit of portcullis'
        /// bearer scheme. A longer token is an error, because services would reject every call with it.
        pub fn max_token_bytes(mut self, bytes: usize) -> Self {
            configure(&mut self.client, |client| {
                Ok(client.request.max_token_bytes = Some(bytes))
            });
            self
        }
    };
}
pub(crate) use request_setters;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_invalid_setting_is_reported() {
        let server = AuthorizationServer::discover("https://issuer.example.com").build();
        let client = ClientAuthentication::secret_basic("billing", "s3cr3t");
        let mut client = server.map(|server| TokenClient::new(server, client));
        configure(&mut client, |client| client.request.add_scopes(["a b"]));
        configure(&mut client, |client| {
            client.request.add_resource(String::new())
        });
        configure(&mut client, |client| client.request.add_scopes(["a"]));
        let error = client.expect_err("invalid");
        assert_eq!(error.setting(), "scopes");
    }
}
