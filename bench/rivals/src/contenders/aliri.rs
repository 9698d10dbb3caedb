//! `aliri_tower`.

use aliri::{jwa, jwt};
use aliri_oauth2::Authority;
use aliri_tower::Oauth2Authorizer;
use axum::body::Body;
use portcullis_jwt::Algorithm;

use super::{Absent, Built, Rival};
use crate::{AUDIENCE, Site, Through, layered::layered};

/// With its own claims, and every check it has.
pub struct AliriTower;

impl Rival for AliriTower {
    fn name(&self) -> &'static str {
        "aliri_tower"
    }

    fn note(&self) -> &'static str {
        "0.6.1 with aliri_oauth2 0.10; Authority::new_from_url, its BasicClaimsWithScope, exp, nbf, aud, iss, alg set; ring and OpenSSL. No EdDSA"
    }

    fn build(&self, site: &Site, through: Through) -> Result<Built, Absent> {
        let algorithm = match site.algorithm() {
            Algorithm::RS256 => jwa::Algorithm::RS256,
            Algorithm::ES256 => jwa::Algorithm::ES256,
            _ => return Err(Absent::because("aliri has no EdDSA")),
        };
        let validator = jwt::CoreValidator::default()
            .add_approved_algorithm(algorithm)
            .add_allowed_audience(jwt::Audience::new(AUDIENCE.to_owned()))
            .require_issuer(jwt::Issuer::new(site.url.clone()))
            .check_expiration()
            .check_not_before();
        let authority = Authority::new_from_url(site.jwks_uri.clone(), validator);
        let authority = site.runtime.block_on(authority)?;
        let layer = Oauth2Authorizer::new()
            .with_terse_error_handler::<Body>()
            .jwt_layer::<Body>(authority);
        layered(layer, through)
    }
}
