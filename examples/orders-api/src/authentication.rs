//! The authentication of callers, as the command line configures it.

use std::{error::Error, sync::Arc, time::Duration};

use portcullis::{
    AuthenticateLayer,
    api_key::{ApiKeys, KeyManager},
    jwt::{Algorithm, Bearer, JwtVerifier, Profile, TrustedIssuers},
    remote::{HttpSettings, Issuer, IssuerBuilder},
    scheme::Scheme,
};

use crate::{api_keys::OpenKeys, args::Args, health::Sources};

const REALM: &str = "orders";

/// How callers are authenticated.
pub(crate) struct Authentication {
    pub(crate) layer: AuthenticateLayer,
    /// Where the keys come from.
    pub(crate) sources: Sources,
    /// What manages the API keys, and the scheme that checks them.
    pub(crate) api_keys: Option<(Arc<dyn KeyManager>, ApiKeys)>,
}

/// Starts the sources of keys.
pub(crate) async fn start(args: &Args) -> Result<Authentication, Box<dyn Error>> {
    let mut schemes: Vec<Arc<dyn Scheme>> = Vec::new();
    let mut sources = Sources::default();
    let mut api_keys = None;

    if !args.issuers.is_empty() {
        let profile = args.profile()?;
        let issuers = start_issuers(args).await?;
        schemes.push(Arc::new(bearer(&issuers, &profile, args)?));
        sources.issuers = issuers.into();
    }
    if let Some(place) = &args.api_keys {
        let keys = OpenKeys::open(place, args).await?;
        let scheme = keys.scheme.realm(REALM).build()?;
        schemes.push(Arc::new(scheme.clone()));
        sources.api_keys = Some(keys.source);
        api_keys = Some((keys.manager, scheme));
    }
    let layer = AuthenticateLayer::any_of(schemes)?.fact_finders(portcullis::axum::fact_finders());
    Ok(Authentication {
        layer,
        sources,
        api_keys,
    })
}

/// Starts the issuers without waiting for their keys, so that the service can listen at once.
async fn start_issuers(args: &Args) -> Result<Vec<Issuer>, Box<dyn Error>> {
    for (option, is_given) in [
        ("--jwks-uri", args.jwks_uri.is_some()),
        ("--discover-at", args.discover_at.is_some()),
        ("--bearer-token-file", args.bearer_token_file.is_some()),
    ] {
        let count = args.issuers.len();
        if is_given && count != 1 {
            return Err(format!(
                "{option} needs exactly one --issuer, but {count} were given: leave out {option}, or give one --issuer"
            )
            .into());
        }
    }
    let mut issuers = Vec::new();
    for (index, url) in args.issuers.iter().enumerate() {
        if args.issuers[..index].contains(url) {
            return Err(format!("--issuer {url} is given twice: give each issuer once").into());
        }
        let builder = issuer(url, args)?.start_timeout(Duration::ZERO);
        issuers.push(builder.start().await?);
    }
    Ok(issuers)
}

fn issuer(url: &str, args: &Args) -> Result<IssuerBuilder, Box<dyn Error>> {
    let mut builder = match &args.jwks_uri {
        Some(jwks_uri) => Issuer::jwks(url, jwks_uri),
        None => Issuer::discover(url),
    };
    if let Some(url) = &args.discover_at {
        builder = builder.discover_at(url);
    }
    if let Some(path) = &args.ca {
        let settings = HttpSettings::default().root_certificates_file(path);
        let settings = settings.map_err(|error| format!("--ca {}: {error}", path.display()))?;
        builder = builder.http(settings);
    }
    if let Some(path) = &args.bearer_token_file {
        builder = builder.bearer_token_file(path);
    }
    Ok(builder)
}

fn bearer(issuers: &[Issuer], profile: &Profile, args: &Args) -> Result<Bearer, Box<dyn Error>> {
    let verifiers = issuers.iter().map(|issuer| {
        let mut builder = JwtVerifier::of(issuer)
            .audiences(args.audiences.iter().map(String::as_str))
            .algorithms(Algorithm::ASYMMETRIC)
            .profile(profile.clone());
        if !args.client_ids.is_empty() {
            builder = builder.client_ids(args.client_ids.iter().map(String::as_str));
        }
        builder.build()
    });
    let trusted = TrustedIssuers::new(verifiers.collect::<Result<Vec<_>, _>>()?)?;
    let bearer = Bearer::trusting(&trusted).realm(REALM);
    let bearer = if args.no_token_cache {
        bearer.without_token_cache()
    } else {
        bearer
    };
    Ok(bearer.build()?)
}
