//! `portcullis token inspect`

use std::{convert::Infallible, io, process::ExitCode};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD};
use clap::Args;
use portcullis_core::{Clock, ConfigError, SystemClock};
use portcullis_jwt::{
    Algorithm, AudienceRule, CompactJws, HeaderBuffer, IssuerKeys, JwtVerifier, Profile,
};
use serde_json::Value;

use super::input::{Input, MISPLACED};
use crate::{
    Outcome,
    issuer::fetch,
    output::{line, pretty},
};

#[derive(Args, Debug)]
pub(crate) struct Inspect {
    /// The issuer whose keys and name the token is held against.
    #[arg(long, value_name = "URL", requires = "audiences")]
    issuer: Option<String>,

    /// Where the issuer's keys are, instead of discovering them.
    #[arg(long, value_name = "URL", requires = "issuer")]
    jwks_uri: Option<String>,

    /// An audience that is accepted (with --profile cognito, a client id); may be repeated.
    #[arg(long = "audience", value_name = "AUD", requires = "issuer")]
    audiences: Vec<String>,

    /// The rules the issuer's tokens follow.
    #[arg(long, default_value = "strict", value_parser = PROFILES)]
    profile: String,

    #[arg(hide = true, value_parser = MISPLACED)]
    _misplaced: Vec<Infallible>,

    /// An algorithm that is accepted; may be repeated. Default: every asymmetric one.
    #[arg(long = "algorithm", value_name = "ALG", value_parser = algorithm)]
    algorithms: Vec<Algorithm>,
}

pub(super) fn run(inspect: &Inspect) -> Outcome {
    let input = Input::read()?;
    let token = input.token();

    let well_formed = show(token)?;
    match &inspect.issuer {
        None if well_formed => line(format_args!(
            "not verified: give --issuer and --audience to learn whether it would be accepted"
        ))?,
        None => return Ok(ExitCode::FAILURE),
        Some(issuer) => return verdict(token, issuer, inspect),
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints header and claims, as far as they can be read; whether all of them can.
fn show(token: &str) -> io::Result<bool> {
    let part = token.split('.').next().unwrap_or_default();
    let shown = CompactJws::parse(token).map(|jws| {
        line(format_args!(
            "header {}",
            json(&URL_SAFE_NO_PAD.decode(part).unwrap_or_default())
        ))?;
        let claims = jws
            .header(&mut HeaderBuffer::new())
            .and_then(|_| jws.payload());
        Ok::<_, io::Error>(match claims {
            Ok(claims) => {
                line(format_args!("claims {}", json(&claims)))?;
                None
            }
            Err(error) => Some(error),
        })
    });
    let problem = match shown {
        Ok(problem) => problem?,
        Err(error) => Some(error),
    };
    if let Some(error) = &problem {
        line(format_args!("not a signed JWT: {error}"))?;
    }
    Ok(problem.is_none())
}

fn json(bytes: &[u8]) -> String {
    serde_json::from_slice::<Value>(bytes)
        .map_or_else(|_| "(no JSON)".to_owned(), |value| pretty(&value))
}

fn verdict(token: &str, issuer: &str, inspect: &Inspect) -> Outcome {
    let fetched = fetch(issuer, inspect.jwks_uri.as_deref())?;
    let now = SystemClock.now();
    let judge = |profile| -> Result<_, ConfigError> {
        let verifier = verifier(fetched.issuer.as_ref(), profile, inspect)?;
        Ok(verifier
            .verify(token, now)
            .and_then(|verified| verified.bind_as_bearer().cloned()))
    };
    match judge(profile(&inspect.profile))? {
        Ok(principal) => {
            line(format_args!(
                "accepted by the profile {:?}",
                inspect.profile
            ))?;
            line(format_args!("  kind       {}", principal.kind()))?;
            line(format_args!(
                "  subject    {}",
                or_none(principal.subject())
            ))?;
            line(format_args!(
                "  client id  {}",
                or_none(principal.client_id())
            ))?;
            line(format_args!(
                "  token id   {}",
                or_none(principal.credential_id())
            ))?;
            line(format_args!("  scopes     {}", principal.scopes()))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            line(format_args!(
                "refused by the profile {:?}: {error}",
                inspect.profile
            ))?;
            for name in PROFILES.iter().filter(|name| **name != inspect.profile) {
                if judge(profile(name))?.is_ok() {
                    line(format_args!("  it would be accepted with --profile {name}"))?;
                }
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

fn verifier(
    keys: &IssuerKeys,
    profile: Profile,
    inspect: &Inspect,
) -> Result<JwtVerifier, ConfigError> {
    let algorithms = if inspect.algorithms.is_empty() {
        Algorithm::ASYMMETRIC.to_vec()
    } else {
        inspect.algorithms.clone()
    };
    let audiences = inspect.audiences.iter().map(String::as_str);
    let builder = JwtVerifier::of(keys).algorithms(algorithms);
    let builder = match profile.audience_rule() {
        AudienceRule::ClientId => builder.client_ids(audiences),
        _ => builder.audiences(audiences),
    };
    builder.profile(profile).build()
}

const PROFILES: [&str; 7] = [
    "strict", "auth0", "entra", "keycloak", "cognito", "okta", "logto",
];

fn profile(name: &str) -> Profile {
    match name {
        "auth0" => Profile::auth0(),
        "entra" => Profile::entra_id(),
        "keycloak" => Profile::keycloak(),
        "cognito" => Profile::cognito(),
        "okta" => Profile::okta(),
        "logto" => Profile::logto(),
        _ => Profile::rfc9068(),
    }
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    Algorithm::from_name(name)
        .filter(|algorithm| !algorithm.is_symmetric())
        .ok_or_else(|| {
            let known = Algorithm::ASYMMETRIC.map(Algorithm::as_str).join(", ");
            format!("it is none of {known}")
        })
}

fn or_none(text: Option<&str>) -> String {
    text.map_or_else(|| "(none)".to_owned(), portcullis_core::escape)
}
