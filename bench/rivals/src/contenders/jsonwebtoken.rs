//! jsonwebtoken's `decode` by itself.

use jsonwebtoken::{Algorithm as Algorithm11, DecodingKey, Validation, decode, jwk::Jwk};
use portcullis_jwt::Algorithm;

use super::{Absent, AccessToken, Built, Rival};
use crate::{AUDIENCE, Site, Through, bare::Baseline, function::Function};

/// With one key at hand, and every check it has.
pub struct Jsonwebtoken;

impl Rival for Jsonwebtoken {
    fn name(&self) -> &'static str {
        "jsonwebtoken::decode"
    }

    fn note(&self) -> &'static str {
        "11.1.0 on aws-lc-rs; one DecodingKey, a struct of five claims, exp, nbf, aud, iss and the algorithm; no HTTP, no choice of key"
    }

    fn ways(&self) -> &'static [Through] {
        &[Through::Function]
    }

    fn build(&self, site: &Site, _: Through) -> Result<Built, Absent> {
        let jwk: Jwk = serde_json::from_value(site.signer.key().public_jwk())?;
        let key = DecodingKey::from_jwk(&jwk)?;
        let mut validation = Validation::new(algorithm(site));
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[&site.url]);
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "aud", "iss"]);
        let check = move |token: &String| decode::<AccessToken>(token, &key, &validation).is_ok();
        let target = Function::new(|token: &str| Some(token.to_owned()), check);
        Ok(Built::over(Baseline::Nothing, target))
    }
}

/// The site's algorithm, as this crate names it.
pub(super) fn algorithm(site: &Site) -> Algorithm11 {
    match site.algorithm() {
        Algorithm::RS256 => Algorithm11::RS256,
        Algorithm::ES256 => Algorithm11::ES256,
        _ => Algorithm11::EdDSA,
    }
}
