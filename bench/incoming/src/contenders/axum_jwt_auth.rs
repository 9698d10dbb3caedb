//! axum-jwt-auth, an extractor.

use std::sync::Arc;

use axum::{Router, body::Body, routing::get};
use axum_jwt_auth::{Claims, Decoder, RemoteJwksDecoder};
use jsonwebtoken_10::{Algorithm as Algorithm10, Validation};
use portcullis_jose::Algorithm;

use super::{AccessToken, Rival};
use crate::{
    check::{Through, stack},
    site::AUDIENCE,
};

pub(super) const RIVAL: Rival = Rival {
    through: &[Through::Axum],
    ..Rival::new(
        "axum-jwt-auth",
        "0.7.0; RemoteJwksDecoder, a struct of five claims, all checks of Validation; jsonwebtoken 10 on RustCrypto, \
         its default (a user could install aws-lc-rs beside it)",
        |site, _| {
            let mut validation = Validation::new(match site.signer.algorithm {
                Algorithm::RS256 => Algorithm10::RS256,
                Algorithm::ES256 => Algorithm10::ES256,
                _ => Algorithm10::EdDSA,
            });
            validation.set_audience(&[AUDIENCE]);
            validation.set_issuer(&[&site.url]);
            validation.validate_nbf = true;
            validation.set_required_spec_claims(&["exp", "aud", "iss"]);
            let decoder = RemoteJwksDecoder::builder()
                .jwks_url(site.jwks_uri.clone())
                .validation(validation)
                .build()?;
            // Returns the token that would cancel the refresh; dropping it does not.
            let _ = site.runtime.block_on(decoder.initialize())?;
            let decoder: Decoder<AccessToken> = Arc::new(decoder);
            let router = Router::new().route("/", get(async |_: Claims<AccessToken>| {}));
            Ok(stack::<_, Body, _>(router.with_state(decoder)))
        },
    )
};
