//! jwt-authorizer, which is of axum 0.7.

use axum_07::{Router, body::Body, routing::get};
use jsonwebtoken_9::Algorithm as Algorithm9;
use jwt_authorizer::{Authorizer, IntoLayer, RegisteredClaims, Validation};
use portcullis_jwt::Algorithm;
use tower::Layer;

use super::{Absent, Built, Rival};
use crate::{
    AUDIENCE, Site, Through,
    bare::{Bare07, Baseline},
    stack::Stack,
};

/// With the issuer's JWKS and every check it has.
pub struct JwtAuthorizer;

impl Rival for JwtAuthorizer {
    fn name(&self) -> &'static str {
        "jwt-authorizer"
    }

    fn note(&self) -> &'static str {
        "0.15.0 on axum 0.7 (over its own bare); from_jwks_url, RegisteredClaims, iss, aud, nbf, alg set; jsonwebtoken 9 on ring"
    }

    fn build(&self, site: &Site, through: Through) -> Result<Built, Absent> {
        let algorithm = match site.algorithm() {
            Algorithm::RS256 => Algorithm9::RS256,
            Algorithm::ES256 => Algorithm9::ES256,
            _ => Algorithm9::EdDSA,
        };
        let validation = Validation::new()
            .iss(&[&site.url])
            .aud(&[AUDIENCE])
            .nbf(true)
            .algs(vec![algorithm]);
        let builder =
            jwt_authorizer::JwtAuthorizer::<RegisteredClaims>::from_jwks_url(&site.jwks_uri)
                .validation(validation);
        let authorizer: Authorizer = site.runtime.block_on(builder.build())?;
        let layer = authorizer.into_layer();
        Ok(match through {
            Through::Tower => {
                Built::over(Baseline::Axum07, Stack::<_, Body>::new(layer.layer(Bare07)))
            }
            Through::Axum => Built::over(
                Baseline::Axum07,
                Stack::<_, Body>::new(
                    Router::<()>::new()
                        .route("/", get(|| async {}))
                        .route_layer(layer),
                ),
            ),
            Through::Function => return Err(Absent::because("a layer")),
        })
    }
}
