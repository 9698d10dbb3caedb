//! axum-keycloak-auth.

use std::time::Duration;

use axum_keycloak_auth::{
    PassthroughMode, Url,
    instance::{KeycloakAuthInstance, KeycloakConfig},
    layer::KeycloakAuthLayer,
};
use serde::Deserialize;

use super::{Absent, Built, Rival};
use crate::{AUDIENCE, Site, Through, layered::layered, site::REALM};

/// With discovery below `/realms/…`, and no claims beyond those it asks for itself.
pub struct AxumKeycloakAuth;

/// A machine has no profile and no e-mail address, which its default type requires.
#[derive(Clone, Debug, Deserialize)]
struct NoProfile {}

impl Rival for AxumKeycloakAuth {
    fn name(&self) -> &'static str {
        "axum-keycloak-auth"
    }

    fn note(&self) -> &'static str {
        "0.8.3; one realm, PassthroughMode::Block, no extra claims; jsonwebtoken 9 on ring. It has no setting for iss, nbf or the algorithms"
    }

    fn build(&self, site: &Site, through: Through) -> Result<Built, Absent> {
        let config = KeycloakConfig::builder()
            .server(Url::parse(&site.origin).map_err(|error| Absent(error.to_string()))?)
            .realm(REALM.to_owned())
            .build();
        let instance = site.runtime.block_on(async {
            let instance = KeycloakAuthInstance::new(config);
            for _ in 0..100 {
                if instance.is_operational().await {
                    return Ok(instance);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(Absent::because(
                "discovery did not succeed within five seconds",
            ))
        })?;
        let layer = KeycloakAuthLayer::<String, NoProfile>::builder()
            .instance(instance)
            .passthrough_mode(PassthroughMode::Block)
            .expected_audiences(vec![AUDIENCE.to_owned()])
            .build();
        layered(layer, through)
    }
}
