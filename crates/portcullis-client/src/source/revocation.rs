//! Saying that a token is done with (RFC 7009).

use portcullis_remote::{AuthorizationServer, ClientAuthentication, OAuthEndpoint};

use crate::{AccessToken, TokenError, TokenErrorKind};

/// Has the server revoke a token. Only the status counts: that of a token which is not known is 200 too, and a body is to
/// be ignored (§2.2). After any error the token may still be valid (§2.2.1), which the message says.
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
    let (place, status) = (answer.place(), answer.status());
    let error = match (status, answer.error()) {
        (200, _) => return Ok(()),
        (503, _) | (_, None) => {
            let message = format!("{place} answered {status}");
            TokenError::new(TokenErrorKind::Status(status), message)
        }
        (_, Some(error)) => TokenError::refused(place, error),
    };
    Err(error.with_retry_after(answer.retry_after()))
}
