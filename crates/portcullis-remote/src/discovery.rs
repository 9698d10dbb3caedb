//! An issuer's metadata (OpenID Connect Discovery 1.0, RFC 8414).

use portcullis_core::{UnixTime, escape};
use reqwest::StatusCode;
use serde::Deserialize;
use url::Url;

use crate::{
    FetchError, FetchErrorKind,
    http::{Answer, HttpClient, headers, location},
};

/// Where the metadata of `issuer` may be: where OpenID Connect puts it, after the issuer's path (Discovery §4), and
/// where RFC 8414 §3.1 does, before it.
pub(crate) fn well_known(issuer: &Url) -> [Url; 2] {
    let path = issuer.path().trim_end_matches('/');
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url
    };
    [
        at(format!("{path}/.well-known/openid-configuration")),
        at(format!("/.well-known/oauth-authorization-server{path}")),
    ]
}

/// The members that are used. Others are of no concern here.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// Finds out where an issuer's keys are.
#[derive(Debug)]
pub(crate) struct Discovery {
    /// As configured: this is compared, character by character.
    pub(crate) issuer: Box<str>,
    pub(crate) url: Url,
    pub(crate) any_http: bool,
    /// Which of the two places had the metadata the last time.
    place: usize,
}

/// What became of an attempt.
pub(crate) struct Discovered {
    pub(crate) jwks_uri: Result<Url, FetchError>,
    pub(crate) date: Option<UnixTime>,
}

impl Discovery {
    pub(crate) fn new(issuer: &str, url: Url, any_http: bool) -> Self {
        Self {
            issuer: issuer.into(),
            url,
            any_http,
            place: 0,
        }
    }

    /// Reads the metadata from one place, and if there is none that can be used, from the other.
    pub(crate) async fn read(&mut self, http: &HttpClient, now: UnixTime) -> Discovered {
        let places = well_known(&self.url);
        let mut date = None;
        let mut first_error: Option<FetchError> = None;
        for place in [self.place, 1 - self.place] {
            let (error, is_reachable) = match http.get(&places[place], None).await {
                Ok(answer) => {
                    date = headers::date(&answer.headers).or(date);
                    match self.jwks_uri(http, &places[place], answer, now) {
                        Ok(jwks_uri) => {
                            self.place = place;
                            return Discovered {
                                jwks_uri: Ok(jwks_uri),
                                date,
                            };
                        }
                        Err(error) => (error, true),
                    }
                }
                Err(error) => {
                    let is_reachable = error.kind() == FetchErrorKind::TooLarge;
                    (error, is_reachable)
                }
            };
            // Of two failures, one that is not a mere absence tells more.
            let is_absent = |error: &FetchError| error.kind() == FetchErrorKind::Status(404);
            first_error = match first_error {
                Some(first) if !is_absent(&first) || is_absent(&error) => Some(first),
                _ => Some(error),
            };
            if !is_reachable {
                break; // The other place is on the same host.
            }
        }
        let error =
            first_error.unwrap_or_else(|| FetchError::new(FetchErrorKind::Unusable, "no metadata"));
        Discovered {
            jwks_uri: Err(error),
            date,
        }
    }

    fn jwks_uri(
        &self,
        http: &HttpClient,
        place: &Url,
        answer: Answer,
        now: UnixTime,
    ) -> Result<Url, FetchError> {
        if answer.status != StatusCode::OK {
            return Err(answer.into_error(place, now));
        }
        let metadata: Metadata = serde_json::from_slice(&answer.body).map_err(|error| {
            let message = format!(
                "{place} is not an issuer's metadata: {}",
                escape(&error.to_string())
            );
            FetchError::new(FetchErrorKind::Unusable, message)
        })?;
        if metadata.issuer != *self.issuer {
            let message = format!(
                "{place} is the metadata of {}, not of {}: the issuer must be configured exactly as it names itself",
                escape(&metadata.issuer),
                escape(&self.issuer)
            );
            return Err(FetchError::new(FetchErrorKind::IssuerMismatch, message));
        }
        http.learn_reach(&answer);
        let jwks_uri = location::discovered(&metadata.jwks_uri, &self.url, self.any_http)?;
        location::check_address(&jwks_uri, &self.url, http.reach())?;
        Ok(jwks_uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s1_s2_well_known_paths() {
        for (issuer, oidc, rfc8414) in [
            (
                "https://example.com",
                "https://example.com/.well-known/openid-configuration",
                "https://example.com/.well-known/oauth-authorization-server",
            ),
            (
                "https://example.com/",
                "https://example.com/.well-known/openid-configuration",
                "https://example.com/.well-known/oauth-authorization-server",
            ),
            (
                "https://example.com/issuer1",
                "https://example.com/issuer1/.well-known/openid-configuration",
                "https://example.com/.well-known/oauth-authorization-server/issuer1",
            ),
            (
                "https://example.com:8443/a/oidc/",
                "https://example.com:8443/a/oidc/.well-known/openid-configuration",
                "https://example.com:8443/.well-known/oauth-authorization-server/a/oidc",
            ),
        ] {
            let [found_oidc, found_rfc8414] = well_known(&Url::parse(issuer).unwrap());
            assert_eq!(found_oidc.as_str(), oidc);
            assert_eq!(found_rfc8414.as_str(), rfc8414);
        }
    }
}
