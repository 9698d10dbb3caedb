//! huskarl-axum.

use huskarl_axum::layers::ValidatorLayer;
use huskarl_reqwest::ReqwestClient;
use huskarl_resource_server::{
    core::server_metadata::AuthorizationServerMetadata, validator::rfc9068::Rfc9068Validator,
};

use super::{Error, Rival, layered};
use crate::site::{AUDIENCE, Site};

pub(super) const RIVAL: Rival = Rival::new(
    "huskarl-axum",
    "0.1.0 with huskarl-resource-server 0.11; Rfc9068Validator by discovery, its alg set, \
     ValidatorLayer::authenticated; RustCrypto, its default platform",
    |site, through| {
        let validator = site.runtime.block_on(validator(site))?;
        let layer = ValidatorLayer::builder()
            .validator(validator)
            .build()
            .authenticated();
        Ok(layered(layer, through))
    },
);

async fn validator(site: &Site) -> Result<Rfc9068Validator, Error> {
    let client = ReqwestClient::builder().build().await?;
    let metadata = AuthorizationServerMetadata::fetch()
        .http_client(&client)
        .issuer(&site.url)
        .call()
        .await?;
    Ok(Rfc9068Validator::builder_from_metadata(&metadata)
        .jwks_source(client)
        .audience(AUDIENCE)
        .allowed_signing_algorithms(vec![site.signer.algorithm.to_string()])
        .build()
        .await?)
}
