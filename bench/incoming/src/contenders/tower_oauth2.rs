//! tower-oauth2-resource-server.

use axum::body::Body;
use tower_oauth2_resource_server::{
    claims::DefaultClaims, server::OAuth2ResourceServer, tenant::TenantConfiguration,
    validation::ClaimsValidationSpec,
};

use super::{Error, Rival, jsonwebtoken::algorithm, layered};
use crate::site::{AUDIENCE, Site};

pub(super) const RIVAL: Rival = Rival::new(
    "tower-oauth2-resource-server",
    "0.12.5; a tenant by discovery, DefaultClaims, ClaimsValidationSpec::recommended; jsonwebtoken 11 on aws-lc-rs",
    |site, through| {
        let server = site.runtime.block_on(server(site))?;
        Ok(layered(server.into_layer::<Body>(), through))
    },
);

async fn server(site: &Site) -> Result<OAuth2ResourceServer<DefaultClaims>, Error> {
    let audiences = vec![AUDIENCE.to_owned()];
    let tenant = TenantConfiguration::builder(&site.url)
        .audiences(&audiences)
        .claims_validation(ClaimsValidationSpec::recommended(&site.url, &audiences))
        .allowed_algorithms(&[algorithm(site)])
        .build()
        .await?;
    let server = OAuth2ResourceServer::<DefaultClaims>::builder();
    Ok(server.add_tenant(tenant).build().await?)
}
