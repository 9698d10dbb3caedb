//! What an authorization server answers when it does not do what was asked.

use std::time::Duration;

use portcullis_client::OAuthError;

use crate::{client::ClientArgs, output};

/// Tells the error, its code in the first line, and what to do next.
pub(super) fn tell(error: &OAuthError, about: About<'_>) {
    output::note(format_args!("error: {error}"));
    if let Some(advice) = advice(&error.code, about) {
        output::note(format_args!("  {advice}"));
    }
}

/// What a request was about, for the advice.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) client: &'a ClientArgs,
    /// Whether the server does not accept the client's credential.
    pub(super) rejects_client: bool,
    pub(super) sent_scopes: bool,
}

/// Tells how long the server asks to be left alone.
pub(super) fn tell_wait(wait: Option<Duration>) {
    // The library's own pause after a failure is no more than a second, and of no concern to who calls by hand.
    if let Some(wait) = wait.filter(|wait| *wait > Duration::from_secs(1)) {
        let seconds = wait.as_secs_f64().ceil();
        output::note(format_args!("  try again in {seconds} s"));
    }
}

/// What to do about the codes of RFC 6749 §5.2, RFC 7009 §2.2.1 and RFC 8707 §2.
fn advice(code: &str, about: About<'_>) -> Option<&'static str> {
    Some(match code {
        _ if about.rejects_client => about.client.what_to_check(),
        "invalid_client" => about.client.what_to_check(),
        "invalid_scope" if about.sent_scopes => {
            "check --scope: the server knows no such scope, or does not grant it to this client"
        }
        "invalid_target" => {
            "check --resource and --audience: the server issues this client no tokens for that"
        }
        "unauthorized_client" => {
            "the client may not do this: allow it the grant `client_credentials` at the server"
        }
        "unsupported_grant_type" => {
            "the server issues no tokens by client credentials: check whether this is its token endpoint"
        }
        "unsupported_token_type" => {
            "the server does not revoke tokens of this kind: it is valid until it expires"
        }
        _ => return None,
    })
}
