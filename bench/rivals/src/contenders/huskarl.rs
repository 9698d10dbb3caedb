//! huskarl-axum.

use huskarl_axum::layers::ValidatorLayer;
use huskarl_reqwest::ReqwestClient;
use huskarl_resource_server::{
    core::server_metadata::AuthorizationServerMetadata, validator::rfc9068::Rfc9068Validator,
};

use super::{Absent, Built, Rival};
use crate::{AUDIENCE, Site, Through, layered::layered};

/// With discovery and its validator for RFC 9068.
pub struct Huskarl;

impl Rival for Huskarl {
    fn name(&self) -> &'static str {
        "huskarl-axum"
    }

    fn note(&self) -> &'static str {
        "0.1.0 with huskarl-resource-server 0.11; Rfc9068Validator by discovery, its alg set, ValidatorLayer::authenticated; its default platform: RustCrypto"
    }

    fn build(&self, site: &Site, through: Through) -> Result<Built, Absent> {
        let validator = site.runtime.block_on(validator(site))?;
        let layer = ValidatorLayer::builder()
            .validator(validator)
            .build()
            .authenticated();
        layered(layer, through)
    }
}

async fn validator(site: &Site) -> Result<Rfc9068Validator, Absent> {
    let client = ReqwestClient::builder().build().await?;
    let metadata = AuthorizationServerMetadata::fetch()
        .http_client(&client)
        .issuer(&site.url)
        .call()
        .await?;
    Ok(Rfc9068Validator::builder_from_metadata(&metadata)
        .jwks_source(client)
        .audience(AUDIENCE)
        .allowed_signing_algorithms(vec![site.algorithm().to_string()])
        .build()
        .await?)
}
