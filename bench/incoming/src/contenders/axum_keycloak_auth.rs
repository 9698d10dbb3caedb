//! axum-keycloak-auth.

use std::time::Duration;

use axum_keycloak_auth::{
    PassthroughMode, Url,
    instance::{KeycloakAuthInstance, KeycloakConfig},
    layer::KeycloakAuthLayer,
};
use serde::Deserialize;

use super::{Error, Rival, layered};
use crate::site::{AUDIENCE, REALM, Site};

/// Replaces the profile and e-mail address of its default type, which a machine does not have.
#[derive(Clone, Debug, Deserialize)]
struct NoProfile {}

pub(super) const RIVAL: Rival = Rival::new(
    "axum-keycloak-auth",
    "0.8.3; one realm, PassthroughMode::Block, no extra claims; jsonwebtoken 9 on ring; it has no settings for iss, \
     nbf or the algorithms",
    |site, through| {
        let layer = KeycloakAuthLayer::<String, NoProfile>::builder()
            .instance(site.runtime.block_on(instance(site))?)
            .passthrough_mode(PassthroughMode::Block)
            .expected_audiences(vec![AUDIENCE.to_owned()])
            .build();
        Ok(layered(layer, through))
    },
);

async fn instance(site: &Site) -> Result<KeycloakAuthInstance, Error> {
    let config = KeycloakConfig::builder()
        .server(Url::parse(&site.origin)?)
        .realm(REALM.to_owned())
        .build();
    let instance = KeycloakAuthInstance::new(config);
    for _ in 0..100 {
        if instance.is_operational().await {
            return Ok(instance);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("discovery did not succeed within five seconds".into())
}
