//! axum-jwt-auth, an extractor.

use std::sync::Arc;

use axum::{Router, body::Body, routing::get};
use axum_jwt_auth::{Claims, Decoder, RemoteJwksDecoder};
use jsonwebtoken_10::{Algorithm as Algorithm10, Validation};
use portcullis_jwt::Algorithm;

use super::{Absent, AccessToken, Built, Rival};
use crate::{AUDIENCE, Site, Through, stack::Stack};

/// With the issuer's JWKS.
pub struct AxumJwtAuth;

impl Rival for AxumJwtAuth {
    fn name(&self) -> &'static str {
        "axum-jwt-auth"
    }

    fn note(&self) -> &'static str {
        "0.7.0; RemoteJwksDecoder, a struct of five claims, all of Validation's checks; jsonwebtoken 10 on RustCrypto as it comes (its feature is on; a user could install aws-lc-rs beside it)"
    }

    fn ways(&self) -> &'static [Through] {
        &[Through::Axum]
    }

    fn build(&self, site: &Site, _: Through) -> Result<Built, Absent> {
        let mut validation = Validation::new(match site.algorithm() {
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
        // The token that cancels the refreshing: dropping it does not.
        let _ = site.runtime.block_on(decoder.initialize())?;
        let decoder: Decoder<AccessToken> = Arc::new(decoder);
        let router = Router::new().route("/", get(async |_: Claims<AccessToken>| {}));
        Ok(Built::new(Stack::<_, Body>::new(
            router.with_state(decoder),
        )))
    }
}
