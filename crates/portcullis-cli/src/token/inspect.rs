//! `portcullis token inspect`

use std::{error::Error, io, path::PathBuf, process::ExitCode};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD};
use clap::Args;
use portcullis_core::{
    ConfigError, Principal, PrincipalKind,
    clock::{Clock, SystemClock},
    log::escape,
};
use portcullis_jose::{Algorithm, CompactJws, json::check_foreign_json};
use portcullis_jwt::{IssuerKeys, JwtVerifier, Profile, VerifyError};
use serde_json::Value;

use super::input;
use crate::{
    issuer::{Access, fetch},
    misuse::misuse,
    output::{Outcome, line, pretty},
    values,
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

    /// The profile of the issuer's tokens: rfc9068, auth0, cognito, entra_id, keycloak, logto or okta.
    #[arg(long, value_name = "NAME", default_value = "rfc9068")]
    profile: Profile,

    /// A TOML file with a profile of your own; docs/guide/issuers.md shows how.
    #[arg(long, value_name = "FILE", conflicts_with = "profile")]
    profile_file: Option<PathBuf>,

    /// An accepted algorithm; may be repeated. Default: every asymmetric one.
    #[arg(long = "algorithm", value_name = "ALG", value_parser = values::asymmetric_algorithm)]
    algorithms: Vec<Algorithm>,
}

pub(super) async fn run(inspect: &Inspect) -> Outcome {
    let profile = inspect.load_profile()?;
    if inspect.issuer.is_some() {
        inspect.check_audience(&profile)?;
    }
    let token = input::read()?;
    let token = token.expose_str().unwrap_or_default();
    let claims = show(token)?;
    if let Some(claims) = claims.as_ref().filter(|_| inspect.profile_file.is_some()) {
        let audiences: Vec<Box<str>> = inspect.audiences.iter().map(|it| (**it).into()).collect();
        let explained = profile.explain_scopes(claims, &audiences);
        for explained in explained.unwrap_or_default() {
            let shown = explained.replace(char::is_control, "?");
            line(format_args!("scopes or roles in {shown}"))?;
        }
    }
    let Some(issuer) = &inspect.issuer else {
        if claims.is_none() {
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
        claims: claims.and_then(|claims| read_json(&claims).ok()),
        inspect,
    };
    judge.print_verdict(profile)
}

impl Inspect {
    fn load_profile(&self) -> Result<Profile, Box<dyn Error>> {
        const MAX_BYTES: u64 = 64 * 1024;

        let Some(path) = &self.profile_file else {
            return Ok(self.profile.clone());
        };
        let unusable =
            |error: &dyn Error| format!("cannot use the profile file {}: {error}", path.display());
        let text = portcullis_file::read_config(path, MAX_BYTES);
        let text = text.map_err(|error| unusable(&error))?;
        Ok(Profile::from_toml(&text).map_err(|error| unusable(&error))?)
    }

    fn flag(&self) -> String {
        match &self.profile_file {
            None => format!("--profile {}", self.profile.name()),
            Some(path) => format!("--profile-file {}", path.display()),
        }
    }

    /// Checks that the options which the profile needs were given.
    fn check_audience(&self, profile: &Profile) -> Result<(), Box<dyn Error>> {
        let missing = if profile.needs_audience() && self.audiences.is_empty() {
            "--audience: the name under which the issuer knows the service"
        } else if profile.needs_client_id() && self.client_ids.is_empty() {
            "--client-id: the clients that may call, which the service lists with `.client_ids([…])`"
        } else {
            return Ok(());
        };
        Err(misuse(format!("{} needs {missing}", self.flag())))
    }
}

/// Prints header and claims as far as they can be read, and returns the claims if both can be.
fn show(token: &str) -> io::Result<Option<Vec<u8>>> {
    let read = CompactJws::parse(token).and_then(|jws| {
        // Printed before it is checked.
        let header = token.split('.').next().unwrap_or_default();
        let header = URL_SAFE_NO_PAD.decode(header).unwrap_or_default();
        let printed = line(format_args!("header {}", shown(&read_json(&header))));
        jws.header()?;
        Ok((printed, jws.payload()?))
    });
    let (printed, bytes) = match read {
        Ok(read) => read,
        Err(error) => {
            line(format_args!("cannot be read as a signed JWT: {error}"))?;
            return Ok(None);
        }
    };
    printed?;
    let claims = read_json(&bytes);
    line(format_args!("claims {}", shown(&claims)))?;
    if let Some(exp) = claims.ok().and_then(|claims| claims.get("exp")?.as_f64()) {
        let left = exp - SystemClock.now().as_duration().as_secs_f64();
        let time = rough(left.abs());
        if left < 0.0 {
            line(format_args!("  expired {time} ago (`exp`)"))?;
        } else {
            line(format_args!("  expires in {time} (`exp`)"))?;
        }
    }
    Ok(Some(bytes))
}

/// A time in its largest unit of which there are two.
fn rough(seconds: f64) -> String {
    let units = [(86_400.0, "d"), (3_600.0, "h"), (60.0, "min")];
    let unit = units.into_iter().find(|(unit, _)| seconds >= 2.0 * unit);
    let (unit, name) = unit.unwrap_or((1.0, "s"));
    format!("{} {name}", (seconds / unit).floor())
}

/// Reads JSON, unless `serde_json` would read it in another way than the library. The error is shown in its place.
fn read_json(bytes: &[u8]) -> Result<Value, String> {
    check_foreign_json(bytes).map_err(|error| {
        format!("(cannot be shown: was the token cut? The decoded text {error})")
    })?;
    serde_json::from_slice(bytes).map_err(|_| "(not JSON)".to_owned())
}

fn shown(json: &Result<Value, String>) -> String {
    json.as_ref().map_or_else(String::clone, pretty)
}

struct Judge<'j> {
    keys: &'j IssuerKeys,
    token: &'j str,
    claims: Option<Value>,
    inspect: &'j Inspect,
}

/// The presets, the strictest first.
const STRICTEST_FIRST: [&str; 7] = [
    "keycloak", "cognito", "okta", "entra_id", "rfc9068", "logto", "auth0",
];

impl Judge<'_> {
    fn print_verdict(&self, profile: Profile) -> Outcome {
        let flag = self.inspect.flag();
        let name = profile.name().to_owned();
        let principal = match self.verdict(profile, &self.inspect.client_ids)? {
            Ok(principal) => principal,
            Err(error) => {
                line(format_args!("refused with {flag}: {error}"))?;
                if let Some(advice) = self.advice(&error, &name) {
                    line(format_args!("  {advice}"))?;
                }
                return Ok(ExitCode::FAILURE);
            }
        };
        line(format_args!("accepted with {flag}"))?;
        let or_none = |text: Option<&str>| text.map_or_else(|| "(none)".to_owned(), escape);
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
        if self.inspect.profile_file.is_none() && principal.kind() == PrincipalKind::Unknown {
            let mut stricter = STRICTEST_FIRST.into_iter().take_while(|it| *it != name);
            if let Some(advice) = stricter.find_map(|name| self.advice_of(name)) {
                line(format_args!(
                    "  the profile may not be the issuer's: {advice}"
                ))?;
            }
        }
        Ok(ExitCode::SUCCESS)
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
        let verified = verifier.verify(self.token, SystemClock.now());
        Ok(verified.and_then(|verified| verified.as_bearer().cloned()))
    }

    /// What to do about a rejection by the profile `name`.
    fn advice(&self, error: &VerifyError, name: &str) -> Option<String> {
        let advice = match error {
            VerifyError::ClientId(Some(_)) => {
                "if this client may call, give --client-id with its id, as the service must list it with \
                 `.client_ids([…])`"
            }
            // Profiles differ only in the form of a token. A profile of the user's own is to be corrected, not replaced.
            VerifyError::Type { .. } | VerifyError::MissingClaim(_) => {
                if self.inspect.profile_file.is_some() {
                    "if this is an access token of the issuer, change the profile file to accept it"
                } else {
                    let mut others = STRICTEST_FIRST.into_iter().filter(|other| *other != name);
                    if let Some(advice) = others.find_map(|other| self.advice_of(other)) {
                        return Some(advice);
                    }
                    "no other profile fits: if this is an access token of the issuer, write a profile for --profile-file, \
                     as docs/guide/issuers.md shows"
                }
            }
            _ => return None,
        };
        Some(advice.to_owned())
    }

    /// Advice from a preset that knows the form of the token: it accepts the token, or finds that it is not an access token.
    fn advice_of(&self, preset: &str) -> Option<String> {
        let profile: Profile = preset.parse().ok()?;
        let mut client_ids = self.inspect.client_ids.clone();
        let mut more = String::new();
        if profile.needs_client_id() && client_ids.is_empty() {
            let client = self.claims.as_ref()?.get("client_id")?.as_str()?;
            more = format!(" --client-id {}", escape(client));
            client_ids.push(client.to_owned());
        }
        match self.verdict(profile, &client_ids).ok()? {
            // Auth0's preset also accepts tokens of an unknown kind, which are rarely Auth0's.
            Ok(principal) if preset != "auth0" || principal.kind() != PrincipalKind::Unknown => {
                Some(format!(
                    "the token would be accepted with --profile {preset}{more}"
                ))
            }
            Err(error @ VerifyError::NotAnAccessToken { .. }) if preset != "auth0" => Some(
                format!("it looks like a token for --profile {preset}, which refuses it: {error}"),
            ),
            _ => None,
        }
    }
}
