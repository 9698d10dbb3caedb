//! jsonwebtoken's `decode`.

use std::sync::Arc;

use jsonwebtoken::{Algorithm as Algorithm11, DecodingKey, Validation, decode, jwk::Jwk};
use portcullis_jose::Algorithm;

use super::{AccessToken, Rival, filter};
use crate::{
    check::Through,
    site::{AUDIENCE, Site},
};

pub(super) const RIVAL: Rival = Rival {
    through: &[Through::Tower],
    ..Rival::new(
        "jsonwebtoken::decode",
        "11.1.0 on aws-lc-rs in a tower filter; one DecodingKey, a struct of five claims, exp, nbf, aud, iss and the \
         algorithm; no choice of key",
        |site, _| {
            let jwk: Jwk = serde_json::from_value(site.signer.key.public_jwk())?;
            let key = DecodingKey::from_jwk(&jwk)?;
            let mut validation = Validation::new(algorithm(site));
            validation.set_audience(&[AUDIENCE]);
            validation.set_issuer(&[&site.url]);
            validation.validate_nbf = true;
            validation.set_required_spec_claims(&["exp", "aud", "iss"]);
            let settings = Arc::new((key, validation));
            Ok(filter(move |token| {
                decode::<AccessToken>(token, &settings.0, &settings.1).is_ok()
            }))
        },
    )
};

/// The site's algorithm in this crate's terms.
pub(super) fn algorithm(site: &Site) -> Algorithm11 {
    match site.signer.algorithm {
        Algorithm::RS256 => Algorithm11::RS256,
        Algorithm::ES256 => Algorithm11::ES256,
        _ => Algorithm11::EdDSA,
    }
}
