//! Error answers of an authorization server.

use std::time::Duration;

use portcullis_client::OAuthError;
use portcullis_core::log::escape_url;

use crate::{client::ClientArgs, output};

#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) client: &'a ClientArgs,
    pub(super) rejects_client: bool,
    pub(super) has_scopes: bool,
    /// The option and the URL of the endpoint, if it was configured.
    pub(super) endpoint: Option<(&'static str, &'a str)>,
}

/// Prints the error, with its code on the first line, and what to do next.
pub(super) fn print(error: &OAuthError, request: Request<'_>) {
    output::note(format_args!("error: {error}"));
    if let Some(advice) = advice(&error.code, request) {
        output::note(format_args!("  {advice}"));
    } else if let Some((option, url)) = request.endpoint {
        let url = escape_url(url);
        output::note(format_args!("  the answer came from {url}: check {option}"));
    }
}

pub(super) fn print_wait(wait: Option<Duration>) {
    // The library's own pause after a failure is at most a second.
    if let Some(wait) = wait.filter(|wait| *wait > Duration::from_secs(1)) {
        let seconds = wait.as_secs_f64().ceil();
        output::note(format_args!("  try again in {seconds} s"));
    }
}

/// Advice for the codes of RFC 6749 §5.2, RFC 7009 §2.2.1 and RFC 8707 §2.
fn advice(code: &str, request: Request<'_>) -> Option<&'static str> {
    Some(match code {
        _ if request.rejects_client || code == "invalid_client" => request.client.what_to_check(),
        "invalid_scope" if request.has_scopes => {
            "check --scope: scopes are separated by spaces, and the server must know and grant each to this client"
        }
        "invalid_target" => {
            "check --resource and --audience: the server does not issue tokens for them to this client"
        }
        "unauthorized_client" => {
            "allow this client the grant at the server: `client_credentials`, or, for --exchange, token exchange"
        }
        "unsupported_grant_type" => "check that this is the token endpoint and supports the grant",
        "unsupported_token_type" => {
            "the server does not revoke tokens of this kind: the token is valid until it expires"
        }
        _ => return None,
    })
}
