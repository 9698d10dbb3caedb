//! The suite.

use portcullis_core::{AuthenticateLayer, RequireScopeLayer, Scope};
use portcullis_jose::KeySet;
use portcullis_jwt::{Bearer, BearerBuilder, IssuerKeys};
use tower::ServiceBuilder;

use super::{Error, Rival, SUITE, layered};
use crate::site::{AUDIENCE, Site};

const READ: Scope = Scope::from_static("orders:read");

pub(super) const DEFAULT: Rival = Rival {
    caches: true,
    ..Rival::new(
        SUITE,
        "AuthenticateLayer over Bearer::jwt with its defaults, among them the token cache; aws-lc-rs",
        |site, through| {
            let layer = AuthenticateLayer::new(bearer(site)?.build()?);
            Ok(layered(layer, through))
        },
    )
};

pub(super) const WITHOUT_CACHE: Rival = Rival::new(
    "portcullis, no cache",
    "the same with without_token_cache",
    |site, through| {
        let bearer = bearer(site)?.without_token_cache().build()?;
        Ok(layered(AuthenticateLayer::new(bearer), through))
    },
);

pub(super) const GUARDED: Rival = Rival {
    caches: true,
    ..Rival::new(
        "portcullis + scope guard",
        "the defaults, and RequireScopeLayer::all with one scope",
        |site, through| {
            let layers = ServiceBuilder::new()
                .layer(AuthenticateLayer::new(bearer(site)?.build()?))
                .layer(RequireScopeLayer::all([READ]));
            Ok(layered(layers, through))
        },
    )
};

fn bearer(site: &Site) -> Result<BearerBuilder, Error> {
    let keys = KeySet::parse(site.signer.jwks().as_bytes())?;
    Ok(Bearer::jwt(&IssuerKeys::fixed(&site.url, keys)?)
        .audience(AUDIENCE)
        .algorithms([site.signer.algorithm]))
}
