//! The suite.

use portcullis_client::{HttpSettings, 
    AddApiKeyLayer, AddTokenLayer, ApiKeySource, AuthorizationServer, ClientAuthentication,
    DpopKey, Origins, ReplayBody, TokenSource, TokenSourceBuilder,
};
use portcullis_core::{ConfigError, Secret};
use portcullis_test::{DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Endpoint, Fault};
use serde_json::json;

use super::Absent;
use crate::{Body, Site, bare::ORIGIN};

pub(super) fn tokens(site: &Site) -> Result<AddTokenLayer, Absent> {
    Ok(AddTokenLayer::new(source(site)?.build()?, origins()?))
}

pub(super) fn bound(site: &Site) -> Result<AddTokenLayer, Absent> {
    // The issuer does not look at proofs, so it is told to answer as one that has.
    site.issuer.fault(
        Endpoint::Token,
        Fault::Json(json!({
            "access_token": site.issuer.token().mint(),
            "token_type": "DPoP",
            "expires_in": site.lifetime.as_secs(),
        })),
    );
    let source = source(site)?.dpop(DpopKey::generate()?);
    Ok(AddTokenLayer::new(source.build()?, origins()?))
}

pub(super) fn replay() -> fn(&Body) -> Option<Body> {
    Body::replay
}

pub(super) fn api_key() -> Result<AddApiKeyLayer, Absent> {
    let key = Secret::new("acme_live_6f1c8f0e4d5b4c7e9a2b3c4d5e6f7a8b");
    Ok(AddApiKeyLayer::new(ApiKeySource::new(&key)?, origins()?))
}

fn source(site: &Site) -> Result<TokenSourceBuilder, ConfigError> {
    let server = AuthorizationServer::discover(site.issuer.url());
    let server = server
        .http(HttpSettings::default().timeout(site.timeout))
        .build()?;
    let client = ClientAuthentication::secret_basic(DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET);
    Ok(TokenSource::builder(&server, client))
}

fn origins() -> Result<Origins, ConfigError> {
    Origins::new([ORIGIN])
}
