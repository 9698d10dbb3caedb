//! tower-oauth2-resource-server.

use axum::body::Body;
use tower_oauth2_resource_server::{
    claims::DefaultClaims, server::OAuth2ResourceServer, tenant::TenantConfiguration,
    validation::ClaimsValidationSpec,
};

use super::{Absent, Built, Rival, jsonwebtoken::algorithm};
use crate::{AUDIENCE, Site, Through, layered::layered};

/// With OIDC discovery, its own claims and its recommended checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TowerOauth2 {
    /// Of one issuer.
    One,
    /// Of four, chosen by `iss`.
    Several,
}

impl Rival for TowerOauth2 {
    fn name(&self) -> &'static str {
        match self {
            Self::One => "tower-oauth2-resource-server",
            Self::Several => "tower-oauth2-r.-s., 4 issuers",
        }
    }

    fn note(&self) -> &'static str {
        "0.12.5; tenants by discovery, DefaultClaims, ClaimsValidationSpec::recommended; jsonwebtoken 11 on aws-lc-rs"
    }

    fn build(&self, site: &Site, through: Through) -> Result<Built, Absent> {
        let server = site.runtime.block_on(server(site, *self))?;
        let layer = server.into_layer::<Body>();
        layered(layer, through)
    }
}

async fn server(
    site: &Site,
    issuers: TowerOauth2,
) -> Result<OAuth2ResourceServer<DefaultClaims>, Absent> {
    let audiences = vec![AUDIENCE.to_owned()];
    let recommended = |issuer: &str| ClaimsValidationSpec::recommended(issuer, &audiences);
    let tenant = TenantConfiguration::builder(&site.url)
        .audiences(&audiences)
        .claims_validation(recommended(&site.url))
        .allowed_algorithms(&[algorithm(site)])
        .build()
        .await?;
    let mut server = OAuth2ResourceServer::<DefaultClaims>::builder();
    if issuers == TowerOauth2::Several {
        for name in ["a", "b", "c"] {
            let issuer = format!("https://{name}.example.com");
            let tenant = TenantConfiguration::static_builder(site.signer.jwks())
                .identifier(&issuer)
                .claims_validation(recommended(&issuer))
                .allowed_algorithms(&[algorithm(site)])
                .build()?;
            server = server.add_tenant(tenant);
        }
    }
    Ok(server.add_tenant(tenant).build().await?)
}
