//! `portcullis token revoke`

use std::{convert::Infallible, process::ExitCode};

use clap::Args;
use portcullis_oauth::OAuthEndpoint;

use super::{
    input::{Input, MISPLACED},
    refusal::{self, About},
};
use crate::{
    Outcome,
    client::{ClientArgs, block_on},
    misuse::Misuse,
    output,
};

#[derive(Args, Debug)]
pub(crate) struct Revoke {
    #[command(flatten)]
    client: ClientArgs,

    /// Where tokens are revoked. With --issuer, it replaces what the metadata says.
    #[arg(long, value_name = "URL")]
    revocation_endpoint: Option<String>,

    #[arg(hide = true, value_parser = MISPLACED)]
    _misplaced: Vec<Infallible>,

    #[arg(
        long = "token",
        hide = true,
        num_args = 0..=1,
        default_missing_value = "",
        allow_hyphen_values = true,
        value_parser = MISPLACED
    )]
    _misplaced_by_name: Option<Infallible>,
}

pub(super) fn run(revoke: &Revoke) -> Outcome {
    let endpoint = revoke.revocation_endpoint.as_deref();
    if revoke.client.is_configured() && endpoint.is_none() {
        return Err(Misuse::new(
            "with --token-endpoint no metadata is read: give --revocation-endpoint URL too",
        )
        .into());
    }
    let client = revoke.client.open(endpoint)?;
    let input = Input::read()?;
    let token = input.token();
    check(token)?;

    let form = [("token", token), ("token_type_hint", "access_token")];
    let asked = client
        .server
        .post(OAuthEndpoint::Revocation, &client.authentication, &form);
    match block_on(asked)? {
        Err(error) => {
            output::error(&error);
            refusal::tell_wait(error.retry_after());
        }
        Ok(answer) => {
            if answer.confirms_revocation() {
                return Ok(ExitCode::SUCCESS);
            }
            match answer.error() {
                Some(refused) => {
                    let about = About {
                        client: &revoke.client,
                        rejects_client: answer.rejects_client(),
                        sent_scopes: false,
                    };
                    refusal::tell(&refused, about);
                }
                None => {
                    let (place, status) = (answer.place(), answer.status());
                    let why = match status {
                        200 | 202 | 204 => {
                            " with an error in the body, or with JSON that cannot be read"
                        }
                        _ => "",
                    };
                    output::note(format_args!("error: {place} answered {status}{why}"));
                }
            }
            refusal::tell_wait(answer.retry_after());
        }
    }
    output::note(format_args!("  the token may still be valid"));
    Ok(ExitCode::FAILURE)
}

/// The server would say of anything else that it is revoked, as it does of tokens that it does not know.
fn check(token: &str) -> Result<(), &'static str> {
    if token.is_empty() {
        return Err("there is no token on standard input");
    }
    if !token.bytes().all(|byte| matches!(byte, 0x21..=0x7e)) {
        return Err(
            "what is on standard input is not one token: it has white space or other characters in it",
        );
    }
    Ok(())
}
