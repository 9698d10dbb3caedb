//! `portcullis jwks check`

use std::{error::Error, process::ExitCode};

use clap::{ArgGroup, Args, Subcommand};
use portcullis_core::log::{escape, escape_url};
use portcullis_jose::SkipReason;
use portcullis_oauth::{FetchError, FetchErrorKind};

use crate::{
    issuer::{Access, fetch},
    output::{self, Outcome},
    values,
};

#[derive(Debug, Subcommand)]
pub(crate) enum JwksCommand {
    /// Fetch a key set and list its keys.
    ///
    /// The exit status is 0 if every key is usable or for encryption, 1 if not, 2 for wrong arguments.
    Check(Check),
}

#[derive(Args, Debug)]
#[command(group(ArgGroup::new("place").args(["url", "issuer", "jwks_uri"]).required(true).multiple(true)))]
pub(crate) struct Check {
    /// The URL of the key set, as with --jwks-uri.
    #[arg(value_name = "URL", conflicts_with_all = ["issuer", "jwks_uri"])]
    url: Option<String>,

    /// The issuer whose keys are checked.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,

    /// The URL of the key set, instead of discovering it: https, or http on loopback.
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,

    #[command(flatten)]
    access: Access,
}

pub(crate) async fn check(check: Check) -> Outcome {
    let jwks_uri = check.url.as_deref().or(check.jwks_uri.as_deref());
    // Without an issuer, the URL names the keys, without its query, which may contain a secret.
    let name = jwks_uri.map(escape_url).unwrap_or_default();
    let issuer = check.issuer.as_deref().unwrap_or(&name);
    let issuer = match fetch(issuer, jwks_uri, &check.access).await {
        Ok(issuer) => issuer,
        Err(error) if check.url.is_some() && is_other_answer(&*error) => {
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
        let name = issuer.as_ref().issuer();
        return Err(format!("no keys could be loaded from {name}: check the URL").into());
    };
    let report = keys.report();

    for key in keys.keys() {
        let kid = shown(key.kid());
        let algorithms = values::names(key.algorithms(), " ");
        let thumbprint = key.thumbprint();
        output::line(format_args!(
            "usable   {kid}  {algorithms}  thumbprint {thumbprint}"
        ))?;
    }
    let mut is_key_lost = false;
    for skipped in &report.skipped {
        let kid = shown(skipped.kid.as_deref());
        let verdict = match skipped.what {
            SkipReason::Encryption => "ignored",
            _ => "skipped",
        };
        output::line(format_args!("{verdict}  {kid}  {}", skipped.what))?;
        is_key_lost |= !matches!(skipped.what, SkipReason::Encryption | SkipReason::Duplicate);
    }
    if is_key_lost {
        output::note(format_args!(
            "tokens signed with a skipped key are refused: the issuer must replace or republish the key"
        ));
    }
    for tolerated in &report.tolerated {
        output::note(format_args!(
            "warning: key {}: {}, which is accepted here but may be rejected elsewhere: the issuer should correct it",
            shown(tolerated.kid.as_deref()),
            tolerated.what
        ));
    }
    let private = report.keys_with_private_members;
    if private > 0 {
        output::note(format_args!(
            "warning: the set publishes the private part or the secret of {private} of its keys: the issuer must replace them"
        ));
    }
    let ignored = report.encryption_count;
    let (usable, skipped) = (keys.keys().len(), report.skipped_count - ignored);
    output::note(format_args!(
        "{usable} usable, {ignored} for encryption, {skipped} skipped"
    ));
    Ok(match (skipped, private) {
        (0, 0) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
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
