//! `portcullis jwks check`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use portcullis_core::{escape, escape_url};
use portcullis_jose::SkipReason;

use crate::{
    Outcome,
    issuer::{Access, fetch},
    output,
};

#[derive(Debug, Subcommand)]
pub(crate) enum JwksCommand {
    /// Fetch a key set and say which of its keys can be used.
    ///
    /// The status is 0 when every key is usable or for encryption, 1 when the set cannot be used or another key had to be
    /// skipped.
    Check(Check),
}

#[derive(Args, Debug)]
pub(crate) struct Check {
    #[command(flatten)]
    place: Place,

    #[command(flatten)]
    access: Access,
}

/// Where the keys are.
#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
struct Place {
    /// Where the key set is, as with --jwks-uri.
    #[arg(
        value_name = "URL",
        required_unless_present_any = ["issuer", "jwks_uri"],
        conflicts_with_all = ["issuer", "jwks_uri"]
    )]
    url: Option<String>,

    /// The issuer whose keys are checked.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,

    /// Where the keys are, instead of discovering them: an https URL, or http on loopback.
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,
}

pub(crate) fn run(command: JwksCommand) -> Outcome {
    let JwksCommand::Check(Check {
        place: check,
        access,
    }) = command;
    let jwks_uri = check.url.as_deref().or(check.jwks_uri.as_deref());
    // Without an issuer, the keys are known by where they are; not by the query, which may hold a secret.
    let place = jwks_uri.map(escape_url).unwrap_or_default();
    let issuer = check.issuer.as_deref().unwrap_or(&place);
    let fetched = fetch(issuer, jwks_uri, &access)?;
    let snapshot = fetched.issuer.as_ref().snapshot();
    let Some(keys) = snapshot.keys() else {
        return Err("no keys were loaded".into());
    };

    for key in keys.keys() {
        let kid = shown(key.kid());
        let algorithms: Vec<_> = key
            .algorithms()
            .iter()
            .map(|algorithm| algorithm.to_string())
            .collect();
        output::line(format_args!(
            "usable   {kid}  {}  thumbprint {}",
            algorithms.join(" "),
            key.thumbprint()
        ))?;
    }
    for skipped in keys.skipped() {
        let kid = shown(skipped.kid.as_deref());
        let verdict = match skipped.reason {
            SkipReason::Encryption => "ignored",
            _ => "skipped",
        };
        output::line(format_args!("{verdict}  {kid}  {}", skipped.reason))?;
    }
    for tolerated in keys.tolerated() {
        output::note(format_args!(
            "warning: {}: {}, which is accepted here and may not be elsewhere",
            shown(tolerated.kid.as_deref()),
            tolerated.deviation
        ));
    }
    let private = keys.private_members();
    if private > 0 {
        output::note(format_args!(
            "warning: {private} private key members are published here: those keys are compromised, replace them"
        ));
    }
    let ignored = keys.encryption_count();
    output::note(format_args!(
        "{} usable, {ignored} for encryption, {} skipped",
        keys.keys().len(),
        keys.skipped_count() - ignored
    ));
    Ok(if keys.skipped_count() == ignored && private == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn shown(kid: Option<&str>) -> String {
    kid.map_or_else(|| "(no kid)".to_owned(), escape)
}
