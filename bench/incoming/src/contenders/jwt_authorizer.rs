//! jwt-authorizer, which is built for axum 0.7.

use axum_07::{Router, body::Body, routing::get};
use jsonwebtoken_9::Algorithm as Algorithm9;
use jwt_authorizer::{Authorizer, IntoLayer, JwtAuthorizer, RegisteredClaims, Validation};
use portcullis_jose::Algorithm;
use tower::Layer;

use super::Rival;
use crate::{
    check::{Bare07, Through, stack},
    site::AUDIENCE,
};

pub(super) const RIVAL: Rival = Rival {
    is_axum_07: true,
    ..Rival::new(
        "jwt-authorizer",
        "0.15.0 on axum 0.7, over a bare service of that version; from_jwks_url, RegisteredClaims, iss, aud, nbf and \
         alg set; jsonwebtoken 9 on ring",
        |site, through| {
            let algorithm = match site.signer.algorithm {
                Algorithm::RS256 => Algorithm9::RS256,
                Algorithm::ES256 => Algorithm9::ES256,
                _ => Algorithm9::EdDSA,
            };
            let validation = Validation::new()
                .iss(&[&site.url])
                .aud(&[AUDIENCE])
                .nbf(true)
                .algs(vec![algorithm]);
            let builder = JwtAuthorizer::<RegisteredClaims>::from_jwks_url(&site.jwks_uri)
                .validation(validation);
            let authorizer: Authorizer = site.runtime.block_on(builder.build())?;
            let layer = authorizer.into_layer();
            Ok(match through {
                Through::Tower => stack::<_, Body, _>(layer.layer(Bare07)),
                Through::Axum => {
                    let router = Router::<()>::new().route("/", get(|| async {}));
                    stack::<_, Body, _>(router.route_layer(layer))
                }
            })
        },
    )
};
