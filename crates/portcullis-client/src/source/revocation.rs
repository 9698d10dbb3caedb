//! Saying that a token is done with (RFC 7009).

use portcullis_oauth::{AuthorizationServer, ClientAuthentication, OAuthEndpoint};

use crate::{AccessToken, TokenError, TokenErrorKind};

/// Has the server revoke a token. A token that is unknown counts as revoked (RFC 7009 §2.2). After any error the token may
/// still be valid (§2.2.1), which the message says.
pub(super) async fn revoke(
    server: &AuthorizationServer,
    client: &ClientAuthentication,
    token: &AccessToken,
) -> Result<(), TokenError> {
    ask(server, client, token)
        .await
        .map_err(|error| error.meaning("the token may still be valid"))
}

async fn ask(
    server: &AuthorizationServer,
    client: &ClientAuthentication,
    token: &AccessToken,
) -> Result<(), TokenError> {
    let form = [
        ("token", token.expose()),
        ("token_type_hint", "access_token"),
    ];
    let answer = server
        .post(OAuthEndpoint::Revocation, client, &form)
        .await?;
    if answer.confirms_revocation() {
        return Ok(());
    }
    Err(match answer.error() {
        Some(error) if answer.status() != 503 => TokenError::refused(&answer, error, false),
        None if matches!(answer.status(), 200 | 202 | 204) => TokenError::new(
            TokenErrorKind::Unusable,
            format!(
                "{} answered {} with an error in the body, or with JSON that cannot be read",
                answer.place(),
                answer.status()
            ),
        ),
        _ => TokenError::status(&answer),
    })
}
