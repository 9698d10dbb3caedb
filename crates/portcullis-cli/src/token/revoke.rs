//! `portcullis token revoke`

use std::process::ExitCode;

use clap::Args;
use portcullis_oauth::OAuthEndpoint;

use super::{
    input,
    refusal::{self, Request},
};
use crate::{
    client::ClientArgs,
    misuse::misuse,
    output::{self, Outcome},
};

#[derive(Args, Debug)]
pub(crate) struct Revoke {
    #[command(flatten)]
    client: ClientArgs,

    /// The revocation endpoint. With --issuer it replaces the one of the metadata.
    #[arg(long, value_name = "URL")]
    revocation_endpoint: Option<String>,
}

pub(super) async fn run(revoke: &Revoke) -> Outcome {
    let endpoint = revoke.revocation_endpoint.as_deref();
    if revoke.client.is_configured() && endpoint.is_none() {
        return Err(misuse(
            "with --token-endpoint no metadata is read: give --revocation-endpoint URL too",
        ));
    }
    let (server, authentication) = revoke.client.open(endpoint)?;
    let token = input::read()?;
    let token = token.expose_str().unwrap_or_default();
    // The server would confirm the revocation of any text, as it does for unknown tokens.
    if !token.bytes().all(|byte| matches!(byte, 0x21..=0x7e)) {
        return Err(
            "standard input is not a single token, as it has white space or other invalid characters: pipe in the token alone".into(),
        );
    }

    let form = [("token", token), ("token_type_hint", "access_token")];
    let asked = server.post(OAuthEndpoint::Revocation, &authentication, &form);
    let wait = match asked.await {
        Err(error) => {
            output::error(&error);
            error.retry_after()
        }
        Ok(answer) if answer.confirms_revocation() => return Ok(ExitCode::SUCCESS),
        Ok(answer) => {
            match answer.error() {
                Some(refused) => {
                    let request = Request {
                        client: &revoke.client,
                        rejects_client: answer.rejects_client(),
                        has_scopes: false,
                        endpoint: endpoint.map(|url| ("--revocation-endpoint", url)),
                    };
                    refusal::print(&refused, request);
                }
                None => {
                    let why = match answer.status() {
                        200 | 202 | 204 => " with an error or unreadable JSON in the body",
                        _ => "",
                    };
                    output::note(format_args!("error: {}{why}", answer.url_and_status()));
                }
            }
            answer.retry_after
        }
    };
    refusal::print_wait(wait);
    output::note(format_args!(
        "  the token may still be valid: run the command again"
    ));
    Ok(ExitCode::FAILURE)
}
