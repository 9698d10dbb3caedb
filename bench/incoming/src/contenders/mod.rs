//! The crates that are compared.

mod aliri;
mod api_key;
mod axum_jwt_auth;
mod axum_keycloak_auth;
mod huskarl;
mod jsonwebtoken;
mod jwt_authorizer;
mod portcullis;
mod signature;
mod tower_oauth2;

use std::{thread, time::Duration};

use http::{Request, header::AUTHORIZATION};
use serde::Deserialize;
use tower::{BoxError, filter::FilterLayer};

use crate::{
    Error,
    check::{Check, Credentials, Through, Verdict, layered},
    site::Site,
};

pub use api_key::api_keys;

/// The name of the contender that ratios refer to.
pub const SUITE: &str = "portcullis";

/// How often a contender is asked to accept a good token before it is left out: some fetch keys in the background.
const ATTEMPTS: usize = 40;

/// A crate that checks tokens.
pub struct Rival {
    /// The name in tables.
    pub name: &'static str,
    /// Its version and configuration.
    pub note: &'static str,
    /// Whether it caches verified tokens.
    pub caches: bool,
    /// Whether it checks signatures alone, so that it has no verdict on a token.
    pub is_signature_alone: bool,
    is_axum_07: bool,
    through: &'static [Through],
    /// Accepts tokens of the site's issuer, audience and algorithm, and checks `exp` and `nbf`.
    build: fn(&Site, Through) -> Result<Box<dyn Check>, Error>,
}

impl Rival {
    const fn new(
        name: &'static str,
        note: &'static str,
        build: fn(&Site, Through) -> Result<Box<dyn Check>, Error>,
    ) -> Self {
        Self {
            name,
            note,
            caches: false,
            is_signature_alone: false,
            is_axum_07: false,
            through: &[Through::Tower, Through::Axum],
            build,
        }
    }
}

/// All crates that check tokens.
pub const RIVALS: &[Rival] = &[
    portcullis::DEFAULT,
    portcullis::WITHOUT_CACHE,
    portcullis::GUARDED,
    tower_oauth2::RIVAL,
    jwt_authorizer::RIVAL,
    axum_jwt_auth::RIVAL,
    axum_keycloak_auth::RIVAL,
    aliri::RIVAL,
    huskarl::RIVAL,
    jsonwebtoken::RIVAL,
    signature::RIVAL,
];

/// A contender, ready for requests.
pub struct Entry {
    /// The name in tables.
    pub name: &'static str,
    /// Where its layer sits.
    pub through: Through,
    /// Whether it is compared with a service of axum 0.7.
    pub is_axum_07: bool,
    /// Whether it caches verified tokens.
    pub caches: bool,
    /// The service.
    pub check: Box<dyn Check>,
}

/// Sets up all rivals, and prints those that cannot be.
pub fn set_up(site: &Site) -> Vec<(&'static Rival, Entry)> {
    let mut entries = Vec::new();
    for rival in RIVALS {
        for &through in rival.through {
            match (rival.build)(site, through).and_then(|check| accepting(site, check)) {
                Ok(check) => {
                    let entry = Entry {
                        name: rival.name,
                        through,
                        is_axum_07: rival.is_axum_07,
                        caches: rival.caches,
                        check,
                    };
                    entries.push((rival, entry));
                }
                Err(error) => {
                    let (name, algorithm) = (rival.name, site.signer.algorithm);
                    println!("{name} through {through} is left out of {algorithm}: {error}.\n");
                }
            }
        }
    }
    entries
}

fn accepting(site: &Site, check: Box<dyn Check>) -> Result<Box<dyn Check>, Error> {
    let headers = Credentials::tokens(&[site.builder().mint()], 0).next_headers();
    for _ in 0..ATTEMPTS {
        if check.verdict(&site.runtime, &headers) == Verdict::Status(200) {
            return Ok(check);
        }
        thread::sleep(Duration::from_millis(50));
    }
    let verdict = check.verdict(&site.runtime, &headers);
    Err(format!("a good token gets {verdict:?}").into())
}

/// A function of the token as a tower filter, whatever the scheme before it.
fn filter(check: impl Fn(&str) -> bool + Clone + Send + Sync + 'static) -> Box<dyn Check> {
    let filter = FilterLayer::new(move |request: Request<axum::body::Body>| {
        let value = request.headers().get(AUTHORIZATION);
        let token = value
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.get("Bearer ".len()..));
        if token.is_some_and(&check) {
            Ok(request)
        } else {
            Err(BoxError::from("refused"))
        }
    });
    crate::check::stack::<_, axum::body::Body, _>(tower::Layer::layer(
        &filter,
        portcullis_bench_common::Bare,
    ))
}

/// The claims that crates decode into a type of the user's: those that the suite's principal has.
#[derive(Clone, Debug, Deserialize)]
#[allow(dead_code, reason = "decoding is measured, reading is not")]
struct AccessToken {
    iss: String,
    sub: String,
    client_id: String,
    scope: String,
    exp: u64,
}
