//! `portcullis token fetch`

use std::{
    error::Error,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, builder::NonEmptyStringValueParser};
use portcullis_client::{SubjectToken, TokenExchange, TokenSource};
use portcullis_core::{ScopeSet, Secret};

use super::refusal::{self, Request};
use crate::{
    client::{ClientArgs, read_dpop_key, read_file},
    output::{self, Outcome},
    values,
};

#[derive(Args, Debug)]
pub(crate) struct Fetch {
    #[command(flatten)]
    client: ClientArgs,

    /// The requested scopes, separated by spaces. May be repeated.
    #[arg(long = "scope", value_name = "SCOPES", value_parser = values::requested_scopes)]
    scopes: Vec<ScopeSet>,

    /// The URI of the service that the token is for (RFC 8707). May be repeated.
    #[arg(long = "resource", value_name = "URI")]
    resources: Vec<String>,

    /// The service that the token is for, at servers such as Auth0.
    #[arg(long, value_name = "AUDIENCE", value_parser = NonEmptyStringValueParser::new())]
    audience: Option<String>,

    /// A file with a private key to bind the token to, in PEM or as a JWK (DPoP, RFC 9449).
    #[arg(long, value_name = "FILE")]
    dpop_key: Option<PathBuf>,

    /// The most bytes of a token. Services reject longer ones.
    #[arg(long, value_name = "BYTES", default_value = "8192")]
    max_token_bytes: usize,

    /// A file with a user's token, to exchange for one on their behalf (RFC 8693).
    #[arg(long, value_name = "SUBJECT_TOKEN_FILE")]
    exchange: Option<PathBuf>,
}

pub(super) async fn run(fetch: &Fetch) -> Outcome {
    output::require_stdout()?;
    let (server, authentication) = fetch.client.open(None)?;
    let subject = fetch.exchange.as_deref().map(subject).transpose()?;
    let key = fetch.dpop_key.as_deref().map(read_dpop_key).transpose()?;
    // A source and an exchange have different builders with the same setters.
    macro_rules! build {
        ($kind:ident) => {{
            let mut builder = $kind::builder(&server, authentication)
                .scopes(fetch.scopes.iter().flat_map(ScopeSet::iter))
                .max_token_bytes(fetch.max_token_bytes);
            for resource in &fetch.resources {
                builder = builder.resource(resource);
            }
            if let Some(audience) = &fetch.audience {
                builder = builder.audience(audience);
            }
            if let Some(key) = key {
                builder = builder.dpop(key);
            }
            let built = builder.build();
            built.map_err(|error| fetch.client.unusable(&error))?
        }};
    }
    let obtained = match subject {
        None => build!(TokenSource).refresh().await,
        Some(subject) => build!(TokenExchange).token(&subject).await,
    };
    let endpoint = fetch.client.token_endpoint.as_deref();
    let error = match obtained {
        Ok(token) => {
            output::secret(token.expose()).map_err(|error| {
                format!("a token was obtained but could not be printed ({error}): check where stdout leads, and fetch again")
            })?;
            return Ok(ExitCode::SUCCESS);
        }
        Err(error) => error,
    };
    match error.oauth_error() {
        Some(refused) => {
            let request = Request {
                client: &fetch.client,
                rejects_client: error.rejects_client(),
                has_scopes: !fetch.scopes.is_empty(),
                endpoint: endpoint.map(|url| ("--token-endpoint", url)),
            };
            refusal::print(refused, request);
        }
        None => output::error(&error),
    }
    refusal::print_wait(error.retry_after());
    Ok(ExitCode::FAILURE)
}

fn subject(path: &Path) -> Result<SubjectToken, Box<dyn Error>> {
    let content = read_file(path)?;
    let token = content.expose().trim_ascii();
    if token.is_empty() || !token.iter().all(|byte| matches!(byte, 0x21..=0x7e)) {
        return Err(format!(
            "--exchange {}: the file does not contain exactly one token: write the token alone to it",
            path.display()
        )
        .into());
    }
    Ok(SubjectToken::access_token(Secret::new(token), None))
}
