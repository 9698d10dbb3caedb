//! `portcullis token fetch`

use std::{
    convert::Infallible,
    error::Error,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, builder::NonEmptyStringValueParser};
use portcullis_client::{AccessToken, DpopKey, SubjectToken, TokenExchange, TokenSource};
use portcullis_core::{ScopeSet, Secret};

use super::refusal::{self, About};
use crate::{
    Outcome,
    client::{Client, ClientArgs, block_on, read_dpop_key, read_file},
    misuse::Refuse,
    output, scopes,
};

#[derive(Args, Debug)]
pub(crate) struct Fetch {
    #[command(flatten)]
    client: ClientArgs,

    /// What to ask for: scopes, separated by spaces. May be repeated.
    #[arg(long = "scope", value_name = "SCOPES", value_parser = scopes::parse_some)]
    scopes: Vec<ScopeSet>,

    /// The service that the token is for, by its URI (RFC 8707). May be repeated.
    #[arg(long = "resource", value_name = "URI")]
    resources: Vec<String>,

    /// The same for servers that call it so, such as Auth0.
    #[arg(long, value_name = "AUDIENCE", value_parser = NonEmptyStringValueParser::new())]
    audience: Option<String>,

    /// A file with a private key that the token is to be bound to, in PEM or as a JWK (DPoP, RFC 9449).
    #[arg(long, value_name = "FILE")]
    dpop_key: Option<PathBuf>,

    /// The most bytes that a token may have. Services refuse longer ones.
    #[arg(long, value_name = "BYTES", default_value = "8192")]
    max_token_bytes: usize,

    /// A file with the token of somebody else, to be exchanged for one on their behalf (RFC 8693).
    #[arg(long, value_name = "SUBJECT_TOKEN_FILE")]
    exchange: Option<PathBuf>,

    #[arg(hide = true, value_parser = Refuse(
        "there is an argument without an option, which is not repeated here as it may be a secret: see --help"
    ))]
    _misplaced: Vec<Infallible>,
}

pub(super) fn run(fetch: &Fetch) -> Outcome {
    output::require_stdout()?;
    let client = fetch.client.open(None)?;
    let subject = fetch.exchange.as_deref().map(subject).transpose()?;
    let key = fetch.dpop_key.as_deref().map(read_dpop_key).transpose()?;
    let obtained = block_on(async {
        Ok::<_, Box<dyn Error>>(match subject {
            None => fetch.source(&client, key)?.refresh().await,
            Some(subject) => fetch.exchange(&client, key)?.token(&subject).await,
        })
    })??;
    let error = match obtained {
        Ok(token) => {
            hand_over(&token)?;
            return Ok(ExitCode::SUCCESS);
        }
        Err(error) => error,
    };
    match error.oauth_error() {
        Some(refused) => {
            let about = About {
                client: &fetch.client,
                rejects_client: error.rejects_client(),
                sent_scopes: !fetch.scopes.iter().all(ScopeSet::is_empty),
            };
            refusal::tell(refused, about);
        }
        None => output::error(&error),
    }
    refusal::tell_wait(error.retry_after());
    Ok(ExitCode::FAILURE)
}

impl Fetch {
    fn source(&self, client: &Client, key: Option<DpopKey>) -> Result<TokenSource, Box<dyn Error>> {
        let mut source = TokenSource::builder(&client.server, client.authentication.clone())
            .scopes(self.scopes.iter().flat_map(ScopeSet::iter))
            .max_token_bytes(self.max_token_bytes);
        for resource in &self.resources {
            source = source.resource(resource);
        }
        if let Some(audience) = &self.audience {
            source = source.audience(audience);
        }
        if let Some(key) = key {
            source = source.dpop(key);
        }
        source.build().map_err(|error| self.client.unusable(&error))
    }

    fn exchange(
        &self,
        client: &Client,
        key: Option<DpopKey>,
    ) -> Result<TokenExchange, Box<dyn Error>> {
        let mut exchange = TokenExchange::builder(&client.server, client.authentication.clone())
            .scopes(self.scopes.iter().flat_map(ScopeSet::iter))
            .max_token_bytes(self.max_token_bytes);
        for resource in &self.resources {
            exchange = exchange.resource(resource);
        }
        if let Some(audience) = &self.audience {
            exchange = exchange.audience(audience);
        }
        if let Some(key) = key {
            exchange = exchange.dpop(key);
        }
        exchange
            .build()
            .map_err(|error| self.client.unusable(&error))
    }
}

/// The token in a file, by itself.
fn subject(path: &Path) -> Result<SubjectToken, Box<dyn Error>> {
    let content = read_file(path)?;
    let token = content.expose().trim_ascii();
    if token.is_empty() || !token.iter().all(|byte| matches!(byte, 0x21..=0x7e)) {
        return Err(format!("--exchange {}: it does not hold one token", path.display()).into());
    }
    Ok(SubjectToken::access_token(Secret::new(token), None))
}

/// Prints the token: the one thing on stdout.
fn hand_over(token: &AccessToken) -> Result<(), String> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", token.expose())
        .and_then(|()| stdout.flush())
        .map_err(|error| format!("a token was obtained but could not be printed: {error}"))
}
