//! `portcullis token inspect`

use std::{convert::Infallible, io, process::ExitCode};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD};
use clap::Args;
use portcullis_core::{
    ConfigError, Principal, PrincipalKind,
    clock::{Clock, SystemClock, UnixTime},
    log::escape,
};
use portcullis_jose::{Algorithm, CompactJws, json::check_foreign_json};
use portcullis_jwt::{IssuerKeys, JwtVerifier, Profile, VerifyError};
use serde_json::Value;

use super::input::{self, MISPLACED};
use crate::{
    Outcome, algorithm,
    issuer::{Access, fetch},
    misuse::Misuse,
    output::{line, pretty},
    profile::ProfileArgs,
};

#[derive(Args, Debug)]
#[command(
    mut_arg("ca", |arg| arg.requires("issuer")),
    mut_arg("bearer_token_file", |arg| arg.requires("issuer"))
)]
pub(crate) struct Inspect {
    /// The issuer whose keys and name the token is checked with.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,

    /// The URL of the issuer's key set, instead of discovering it.
    #[arg(long, value_name = "URL", requires = "issuer")]
    jwks_uri: Option<String>,

    #[command(flatten)]
    access: Access,

    /// An accepted audience; may be repeated.
    #[arg(long = "audience", value_name = "AUD", requires = "issuer")]
    audiences: Vec<String>,

    /// The id of an accepted client; may be repeated. Required by profiles that accept only listed clients, such as cognito.
    #[arg(long = "client-id", value_name = "ID", requires = "issuer")]
    client_ids: Vec<String>,

    #[command(flatten)]
    profile: ProfileArgs,

    #[arg(hide = true, value_parser = MISPLACED)]
    _misplaced: Vec<Infallible>,

    /// An accepted algorithm; may be repeated. Default: every asymmetric one.
    #[arg(long = "algorithm", value_name = "ALG", value_parser = algorithm::parse_asymmetric)]
    algorithms: Vec<Algorithm>,
}

pub(super) async fn run(inspect: &Inspect) -> Outcome {
    let profile = inspect.profile.load()?;
    if inspect.issuer.is_some() {
        inspect.check_audience(&profile)?;
    }
    let token = input::read()?;
    let token = token.expose_str().unwrap_or_default();
    let is_well_formed = show(token)?;
    if let Some(payload) = payload(token).filter(|_| !inspect.profile.is_preset()) {
        let audiences: Vec<Box<str>> = inspect.audiences.iter().map(|it| (**it).into()).collect();
        let explained = profile.explain_scopes(&payload, &audiences);
        for explained in explained.unwrap_or_default() {
            let shown = explained.replace(char::is_control, "?");
            line(format_args!("scopes or roles in {shown}"))?;
        }
    }
    let Some(issuer) = &inspect.issuer else {
        if !is_well_formed {
            return Ok(ExitCode::FAILURE);
        }
        line(format_args!(
            "not verified: give --issuer and --audience to check whether it would be accepted"
        ))?;
        return Ok(ExitCode::SUCCESS);
    };
    let issuer = fetch(issuer, inspect.jwks_uri.as_deref(), &inspect.access).await?;
    let judge = Judge {
        keys: issuer.as_ref(),
        token,
        now: SystemClock.now(),
        inspect,
    };
    judge.print_verdict(profile)
}

impl Inspect {
    /// Checks that the options which the profile needs were given.
    fn check_audience(&self, profile: &Profile) -> Result<(), Misuse> {
        let flag = self.profile.flag();
        if profile.needs_audience() && self.audiences.is_empty() {
            return Err(Misuse::new(format!(
                "{flag} needs --audience: the name under which the issuer knows the service"
            )));
        }
        if profile.needs_client_id() && self.client_ids.is_empty() {
            return Err(Misuse::new(format!(
                "{flag} needs --client-id: the clients that may call, which the service lists with `.client_ids([…])`"
            )));
        }
        Ok(())
    }
}

/// Prints header and claims as far as they can be read, and returns whether all could be.
fn show(token: &str) -> io::Result<bool> {
    let read = CompactJws::parse(token).and_then(|jws| {
        // Printed before it is checked.
        let header = token.split('.').next().unwrap_or_default();
        let header = URL_SAFE_NO_PAD.decode(header).unwrap_or_default();
        let printed = line(format_args!("header {}", json(&header)));
        jws.header()?;
        Ok((printed, jws.payload()?))
    });
    match read {
        Ok((printed, claims)) => {
            printed?;
            line(format_args!("claims {}", json(&claims)))?;
            let exp = readable(&claims).and_then(|claims| claims.get("exp")?.as_f64());
            if let Some(exp) = exp {
                let left = exp - SystemClock.now().as_duration().as_secs_f64();
                let time = rough(left.abs());
                if left < 0.0 {
                    line(format_args!("  expired {time} ago (`exp`)"))?;
                } else {
                    line(format_args!("  expires in {time} (`exp`)"))?;
                }
            }
            Ok(true)
        }
        Err(error) => {
            line(format_args!("not a signed JWT: {error}"))?;
            Ok(false)
        }
    }
}

fn payload(token: &str) -> Option<Vec<u8>> {
    CompactJws::parse(token).ok()?.payload().ok()
}

/// A time in its largest unit of which there are two.
fn rough(seconds: f64) -> String {
    let units = [(86_400.0, "d"), (3_600.0, "h"), (60.0, "min")];
    let unit = units.into_iter().find(|(unit, _)| seconds >= 2.0 * unit);
    let (unit, name) = unit.unwrap_or((1.0, "s"));
    format!("{} {name}", (seconds / unit).floor())
}

/// The JSON, unless `serde_json` would read it in another way than the library.
fn readable(bytes: &[u8]) -> Option<Value> {
    check_foreign_json(bytes).ok()?;
    serde_json::from_slice(bytes).ok()
}

fn json(bytes: &[u8]) -> String {
    if let Err(error) = check_foreign_json(bytes) {
        return format!("(cannot be shown: the JSON {error})");
    }
    serde_json::from_slice::<Value>(bytes)
        .map_or_else(|_| "(not JSON)".to_owned(), |value| pretty(&value))
}

/// Checks the token with profiles.
struct Judge<'j> {
    keys: &'j IssuerKeys,
    token: &'j str,
    now: UnixTime,
    inspect: &'j Inspect,
}

/// The presets, the strictest first.
const STRICTEST_FIRST: [&str; 7] = [
    "keycloak", "cognito", "okta", "entra_id", "rfc9068", "logto", "auth0",
];

const WRITE_A_PROFILE: &str = "no other profile fits: if this is an access token of the issuer, write a profile for \
                               --profile-file, as docs/guide/issuers.md shows";

impl Judge<'_> {
    fn print_verdict(&self, profile: Profile) -> Outcome {
        let flag = self.inspect.profile.flag();
        let name = profile.name().to_owned();
        match self.verdict(profile, &self.inspect.client_ids)? {
            Ok(principal) => {
                line(format_args!("accepted with {flag}"))?;
                for (name, value) in [
                    ("kind", principal.kind().to_string()),
                    ("subject", or_none(principal.subject())),
                    ("client id", or_none(principal.client_id())),
                    ("token id", or_none(principal.credential_id())),
                    ("scopes", principal.scopes().to_string()),
                ] {
                    line(format_args!("  {name:9}  {value}"))?;
                }
                // A lenient profile accepted it. A stricter one may be the issuer's.
                if self.inspect.profile.is_preset() && principal.kind() == PrincipalKind::Unknown {
                    let stricter = STRICTEST_FIRST
                        .into_iter()
                        .take_while(|other| *other != name);
                    if let Some(advice) = self.preset_that_fits(stricter)? {
                        line(format_args!(
                            "  the profile may not be the issuer's: {advice}"
                        ))?;
                    }
                }
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => {
                line(format_args!("refused with {flag}: {error}"))?;
                if let Some(advice) = self.advice(&error, &name)? {
                    line(format_args!("  {advice}"))?;
                }
                Ok(ExitCode::FAILURE)
            }
        }
    }

    fn verdict(
        &self,
        profile: Profile,
        client_ids: &[String],
    ) -> Result<Result<Principal, VerifyError>, ConfigError> {
        let algorithms = match &self.inspect.algorithms[..] {
            [] => &Algorithm::ASYMMETRIC,
            algorithms => algorithms,
        };
        let mut builder = JwtVerifier::of(self.keys)
            .algorithms(algorithms.iter().copied())
            .audiences(self.inspect.audiences.iter().map(String::as_str));
        if !client_ids.is_empty() {
            builder = builder.client_ids(client_ids.iter().map(String::as_str));
        }
        let verifier = builder.profile(profile).build()?;
        Ok(verifier
            .verify(self.token, self.now)
            .and_then(|verified| verified.bind_as_bearer().cloned()))
    }

    /// What to do about a rejection by the profile `name`.
    fn advice(&self, error: &VerifyError, name: &str) -> Result<Option<String>, ConfigError> {
        Ok(match error {
            VerifyError::ClientId { .. } => Some(
                "if this client may call, give --client-id with its id, as the service must list it with \
                 `.client_ids([…])`"
                    .to_owned(),
            ),
            // Profiles differ only in the form of a token. A profile of the user's own is to be corrected, not replaced.
            VerifyError::Type { .. } | VerifyError::MissingClaim(_) => {
                if self.inspect.profile.is_preset() {
                    let others = STRICTEST_FIRST.into_iter().filter(|other| *other != name);
                    let fits = self.preset_that_fits(others)?;
                    Some(fits.unwrap_or_else(|| WRITE_A_PROFILE.to_owned()))
                } else {
                    Some("if this is an access token of the issuer, change the profile file to accept it".to_owned())
                }
            }
            _ => None,
        })
    }

    /// Advice from the first preset that knows the form of the token: it accepts the token, or finds that it is not an
    /// access token.
    fn preset_that_fits(
        &self,
        presets: impl Iterator<Item = &'static str>,
    ) -> Result<Option<String>, ConfigError> {
        for name in presets {
            let Ok(profile) = name.parse::<Profile>() else {
                continue;
            };
            let mut client_ids = self.inspect.client_ids.clone();
            let mut more = String::new();
            if profile.needs_client_id() && client_ids.is_empty() {
                let Some(client) = self.claimed_client() else {
                    continue;
                };
                more = format!(" --client-id {}", escape(&client));
                client_ids.push(client);
            }
            match self.verdict(profile, &client_ids)? {
                // Auth0's preset also accepts tokens of an unknown kind, which are rarely Auth0's.
                Ok(principal) if name != "auth0" || principal.kind() != PrincipalKind::Unknown => {
                    return Ok(Some(format!(
                        "it would be accepted with --profile {name}{more}"
                    )));
                }
                Err(error @ VerifyError::NotAnAccessToken { .. }) if name != "auth0" => {
                    return Ok(Some(format!(
                        "with --profile {name} it would be refused: {error}"
                    )));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// The client that the claim `client_id` names.
    fn claimed_client(&self) -> Option<String> {
        let claims = readable(&payload(self.token)?)?;
        claims.get("client_id")?.as_str().map(ToOwned::to_owned)
    }
}

fn or_none(text: Option<&str>) -> String {
    text.map_or_else(|| "(none)".to_owned(), escape)
}
