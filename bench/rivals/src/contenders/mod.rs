//! Who is compared.

mod aliri;
mod api_key;
mod axum_jwt_auth;
mod axum_keycloak_auth;
mod floor;
mod huskarl;
mod jsonwebtoken;
mod jwt_authorizer;
mod new_token;
mod portcullis;
mod raw;
mod static_bearer;
mod tower_oauth2;

pub use api_key::ApiKey;
pub use floor::Floor;
pub use portcullis::Suite;
pub use static_bearer::StaticBearer;

use serde::Deserialize;

use crate::{Site, Target, Through, bare::Baseline};

/// The name of what ratios are to.
pub const SUITE: &str = "portcullis";

/// The name of the one that checks a signature and nothing else.
pub const RAW: &str = "aws-lc-rs verify_sig";

/// Why a rival is not there.
#[derive(Clone, Debug)]
pub struct Absent(pub String);

impl<E: std::error::Error> From<E> for Absent {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Self(text)
    }
}

impl Absent {
    /// For a reason that is known beforehand.
    #[must_use]
    pub fn because(reason: &str) -> Self {
        Self(reason.to_owned())
    }
}

/// A rival, ready.
pub struct Built {
    /// What is measured.
    pub target: Box<dyn Target>,
    /// What it is measured over.
    pub baseline: Baseline,
}

impl Built {
    /// Of axum 0.8.
    pub fn new(target: impl Target + 'static) -> Self {
        Self::over(Baseline::Current, target)
    }

    /// Over another baseline.
    pub fn over(baseline: Baseline, target: impl Target + 'static) -> Self {
        Self {
            target: Box::new(target),
            baseline,
        }
    }
}

/// One that takes part.
pub trait Rival {
    /// Its name in tables.
    fn name(&self) -> &'static str;

    /// How it is set up, and what it is made of.
    fn note(&self) -> &'static str;

    /// The ways it can be had: as a layer, unless it says otherwise.
    fn ways(&self) -> &'static [Through] {
        &[Through::Tower, Through::Axum]
    }

    /// Whether it remembers tokens, so that it is to be shown them before it is measured.
    fn remembers(&self) -> bool {
        false
    }

    /// Sets it up to accept the site's tokens: that issuer, audience and algorithm, and `exp` and `nbf` checked.
    ///
    /// # Errors
    /// Why it cannot be had this way.
    fn build(&self, site: &Site, through: Through) -> Result<Built, Absent>;
}

/// All that check tokens.
#[must_use]
pub fn rivals() -> Vec<Box<dyn Rival>> {
    vec![
        Box::new(Suite::Default),
        Box::new(Suite::WithoutCache),
        Box::new(Suite::Guarded),
        Box::new(tower_oauth2::TowerOauth2::One),
        Box::new(jwt_authorizer::JwtAuthorizer),
        Box::new(axum_jwt_auth::AxumJwtAuth),
        Box::new(axum_keycloak_auth::AxumKeycloakAuth),
        Box::new(aliri::AliriTower),
        Box::new(huskarl::Huskarl),
        Box::new(jsonwebtoken::Jsonwebtoken),
        Box::new(raw::Raw),
    ]
}

/// Those that can trust several issuers, set up with four.
#[must_use]
pub fn with_several_issuers() -> Vec<Box<dyn Rival>> {
    vec![
        Box::new(Suite::Trusting),
        Box::new(tower_oauth2::TowerOauth2::Several),
    ]
}

/// What those that decode into a type of the user's are asked for: what the suite's principal knows.
#[derive(Clone, Debug, Deserialize)]
#[allow(dead_code)] // decoded to be paid for, not to be read
struct AccessToken {
    iss: String,
    sub: String,
    client_id: String,
    scope: String,
    exp: u64,
}
