//! Token and revocation requests to one authorization server as one client.

use std::fmt;

use portcullis_core::clock::SharedClock;
use portcullis_oauth::{AuthorizationServer, ClientAuthentication, OAuthAnswer, OAuthEndpoint};

use crate::{
    AccessToken, TokenError, TokenErrorKind,
    request::TokenRequest,
    token::DpopBinding,
    token_response::{TokenResponse, TokenType},
};

pub(crate) struct TokenClient {
    pub(crate) server: AuthorizationServer,
    pub(crate) client: ClientAuthentication,
    pub(crate) request: TokenRequest,
    /// The key that tokens must be bound to, if any.
    pub(crate) binding: Option<DpopBinding>,
}

impl TokenClient {
    pub(crate) fn clock(&self) -> &SharedClock {
        self.server.clock()
    }

    pub(crate) fn client_id(&self) -> &str {
        self.client.client_id()
    }

    /// Sends a token request (RFC 6749 §5) and parses the answer.
    pub(crate) async fn fetch(
        &self,
        form: &[(&str, &str)],
    ) -> Result<(OAuthAnswer, TokenResponse), TokenError> {
        let endpoint = OAuthEndpoint::Token;
        let (answer, token_type) = match &self.binding {
            None => {
                let answer = self.server.post(endpoint, &self.client, form).await?;
                (answer, TokenType::Bearer)
            }
            Some(DpopBinding { key, .. }) => {
                let server = &self.server;
                let answer = server.post_bound(endpoint, &self.client, key, form).await?;
                (answer, TokenType::Dpop)
            }
        };
        let response = TokenResponse::parse(&answer, token_type, &self.request)?;
        Ok((answer, response))
    }

    /// Revokes a token (RFC 7009). A token that the server does not know counts as revoked (§2.2). After an error the
    /// token may still be valid (§2.2.1), and the message says so.
    pub(crate) async fn revoke(&self, token: &AccessToken) -> Result<(), TokenError> {
        self.try_revoke(token)
            .await
            .map_err(|error| error.with_context("the token may still be valid"))
    }

    async fn try_revoke(&self, token: &AccessToken) -> Result<(), TokenError> {
        let form = [
            ("token", token.expose()),
            ("token_type_hint", "access_token"),
        ];
        let endpoint = OAuthEndpoint::Revocation;
        let answer = self.server.post(endpoint, &self.client, &form).await?;
        if answer.confirms_revocation() {
            return Ok(());
        }
        let (place, status) = (answer.place(), answer.status());
        Err(match answer.error() {
            Some(error) if status != 503 => TokenError::refused(&answer, error, false),
            None if matches!(status, 200 | 202 | 204) => TokenError::new(
                TokenErrorKind::Unusable,
                format!("{place} answered {status}, but the body reports an error or is invalid"),
            ),
            _ => TokenError::status(&answer),
        })
    }
}

impl fmt::Debug for TokenClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenClient")
            .field("server", &self.server)
            .field("client", &self.client)
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}
