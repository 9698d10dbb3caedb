//! `portcullis jwks check`

use std::{error::Error, process::ExitCode};

use clap::{Args, Subcommand};
use portcullis_core::log::{escape, escape_url};
use portcullis_jose::SkipReason;
use portcullis_oauth::{FetchError, FetchErrorKind};

use crate::{
    Outcome, algorithm,
    issuer::{Access, fetch},
    output,
};

#[derive(Debug, Subcommand)]
pub(crate) enum JwksCommand {
    /// Fetch a key set and list its keys.
    ///
    /// The exit status is 0 if every key is usable or for encryption, 1 if the set cannot be used or another key was skipped.
    Check(Check),
}

#[derive(Args, Debug)]
pub(crate) struct Check {
    #[command(flatten)]
    place: Place,

    #[command(flatten)]
    access: Access,
}

/// Where the key set is.
#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
struct Place {
    /// The URL of the key set, as with --jwks-uri.
    #[arg(
        value_name = "URL",
        required_unless_present_any = ["issuer", "jwks_uri"],
        conflicts_with_all = ["issuer", "jwks_uri"]
    )]
    url: Option<String>,

    /// The issuer whose keys are checked.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,

    /// The URL of the key set, instead of discovering it: https, or http on loopback.
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,
}

pub(crate) async fn check(check: Check) -> Outcome {
    let Check { place, access } = check;
    let jwks_uri = place.url.as_deref().or(place.jwks_uri.as_deref());
    // Without an issuer, the URL names the keys, without its query, which may contain a secret.
    let name = jwks_uri.map(escape_url).unwrap_or_default();
    let issuer = place.issuer.as_deref().unwrap_or(&name);
    let issuer = match fetch(issuer, jwks_uri, &access).await {
        Ok(issuer) => issuer,
        Err(error) if place.url.is_some() && is_other_answer(&*error) => {
            output::error(&*error);
            output::note(format_args!(
                "  {name} must be the URL of a key set: if it is an issuer, give it with --issuer"
            ));
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error),
    };
    let snapshot = issuer.as_ref().snapshot();
    let Some(keys) = snapshot.keys() else {
        return Err("no keys were loaded".into());
    };

    for key in keys.keys() {
        let kid = shown(key.kid());
        let algorithms = algorithm::names(key.algorithms(), " ");
        let thumbprint = key.thumbprint();
        output::line(format_args!(
            "usable   {kid}  {algorithms}  thumbprint {thumbprint}"
        ))?;
    }
    for skipped in &keys.report().skipped {
        let kid = shown(skipped.kid.as_deref());
        let verdict = match skipped.what {
            SkipReason::Encryption => "ignored",
            _ => "skipped",
        };
        output::line(format_args!("{verdict}  {kid}  {}", skipped.what))?;
    }
    let is_lost =
        |reason: SkipReason| !matches!(reason, SkipReason::Encryption | SkipReason::Duplicate);
    if (keys.report().skipped.iter()).any(|skipped| is_lost(skipped.what)) {
        output::note(format_args!(
            "tokens signed with a skipped key are refused: the issuer must replace or republish the key"
        ));
    }
    for tolerated in &keys.report().tolerated {
        output::note(format_args!(
            "warning: {}: {}, which is accepted here but may be rejected elsewhere",
            shown(tolerated.kid.as_deref()),
            tolerated.what
        ));
    }
    let private = keys.report().keys_with_private_members;
    if private > 0 {
        output::note(format_args!(
            "warning: the set publishes private members of {private} keys: these keys are compromised, and the issuer must replace them"
        ));
    }
    let ignored = keys.report().encryption_count;
    output::note(format_args!(
        "{} usable, {ignored} for encryption, {} skipped",
        keys.keys().len(),
        keys.report().skipped_count - ignored
    ));
    Ok(if keys.report().skipped_count == ignored && private == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whether the URL was answered with something other than a key set.
fn is_other_answer(error: &(dyn Error + 'static)) -> bool {
    let fetch: Option<&FetchError> = error.downcast_ref();
    fetch.is_some_and(|error| {
        matches!(
            error.kind(),
            FetchErrorKind::Status(_) | FetchErrorKind::Redirected | FetchErrorKind::Unusable
        )
    })
}

fn shown(kid: Option<&str>) -> String {
    kid.map_or_else(|| "(no kid)".to_owned(), escape)
}
