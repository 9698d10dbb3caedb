//! aliri_tower.

use aliri::{jwa, jwt};
use aliri_oauth2::Authority;
use aliri_tower::Oauth2Authorizer;
use axum::body::Body;
use portcullis_jose::Algorithm;

use super::{Rival, layered};
use crate::site::AUDIENCE;

pub(super) const RIVAL: Rival = Rival::new(
    "aliri_tower",
    "0.6.1 with aliri_oauth2 0.10; Authority::new_from_url, its BasicClaimsWithScope, exp, nbf, aud, iss and alg set; \
     ring and OpenSSL",
    |site, through| {
        let algorithm = match site.signer.algorithm {
            Algorithm::RS256 => jwa::Algorithm::RS256,
            Algorithm::ES256 => jwa::Algorithm::ES256,
            _ => return Err("aliri does not support EdDSA".into()),
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
        Ok(layered(layer, through))
    },
);
