//! An issuer's metadata (OpenID Connect Discovery 1.0, RFC 8414).

use portcullis_core::{ConfigError, UnixTime, escape, escape_url};
use reqwest::StatusCode;
use serde::{Deserialize, de::DeserializeOwned};
use url::{Origin, Url};

use crate::{
    FetchError, FetchErrorKind,
    document::{DocumentError, read_json_object},
    http::{Answer, HttpClient, Wanted, headers, location, shown},
};

/// Where the metadata of `issuer` may be: where OpenID Connect puts it, after the issuer's path (Discovery §4), and
/// where RFC 8414 §3.1 does, before it.
#[must_use]
pub fn well_known(issuer: &Url) -> [Url; 2] {
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

/// Where metadata is looked for: at the well-known places of `url`, or at `url` itself if it is such a place.
fn places(url: &Url) -> Vec<Url> {
    if url.path().contains("/.well-known/") {
        return vec![url.clone()];
    }
    well_known(url).into()
}

/// The member that says whose metadata it is. Those who look for others read them by a form of their own, so that one
/// that is ill-formed is the concern only of who needs it.
#[derive(Deserialize)]
struct Named {
    issuer: String,
}

/// Finds an issuer's metadata.
#[derive(Clone, Debug)]
pub struct Discovery {
    /// As configured: this is compared, character by character.
    pub issuer: Box<str>,
    /// Where it is reached, which is the issuer identifier unless that is configured apart.
    pub url: Url,
    /// Whether plain http is allowed to any host.
    pub any_http: bool,
    /// The origins that are the issuer's own: where it is reached, and that of its name if that is a safe URL.
    own_origins: Vec<Origin>,
    places: Vec<Url>,
    /// Which of the places had the metadata the last time.
    place: usize,
}

/// What became of an attempt.
pub struct Discovered<T> {
    /// What was picked from the metadata.
    pub found: Result<T, FetchError>,
    /// When the issuer answered, by its own clock.
    pub date: Option<UnixTime>,
}

impl Discovery {
    /// The metadata of `issuer`, looked for there or at `at`.
    ///
    /// # Errors
    ///
    /// When one of the two cannot be asked.
    pub fn new(issuer: &str, at: Option<&str>, any_http: bool) -> Result<Self, ConfigError> {
        let url = match at {
            Some(at) => {
                location::issuer_name(issuer)?;
                location::configured("discover_at", at, any_http)?
            }
            None => location::issuer(issuer, any_http)?,
        };
        let name = location::configured("issuer", issuer, any_http).ok();
        let own_origins = name.iter().chain([&url]).map(Url::origin).collect();
        Ok(Self {
            issuer: issuer.into(),
            own_origins,
            places: places(&url),
            url,
            any_http,
            place: 0,
        })
    }

    /// Reads the metadata from one place, and if `pick` can use none there, from the other.
    pub async fn read<M: DeserializeOwned, T>(
        &mut self,
        http: &HttpClient,
        now: UnixTime,
        pick: impl Fn(&Self, M) -> Result<T, FetchError>,
    ) -> Discovered<T> {
        let mut date = None;
        let mut first_error: Option<FetchError> = None;
        for offset in 0..self.places.len() {
            let place = (self.place + offset) % self.places.len();
            let url = &self.places[place];
            let (error, is_reachable) = match http.get(url, Wanted::Metadata, None).await {
                Ok(answer) => {
                    date = headers::date(&answer.headers).or(date);
                    let metadata = self.metadata(http, url, answer, now);
                    match metadata.and_then(|metadata| pick(self, metadata)) {
                        Ok(found) => {
                            self.place = place;
                            let found = Ok(found);
                            return Discovered { found, date };
                        }
                        Err(error) => (error, true),
                    }
                }
                Err(error) => {
                    let is_reachable = matches!(
                        error.kind(),
                        FetchErrorKind::TooLarge | FetchErrorKind::Unusable
                    );
                    (error, is_reachable)
                }
            };
            // Of two failures, one that is not a mere absence tells more.
            first_error = match first_error {
                Some(first) if !is_absent(&first) || is_absent(&error) => Some(first),
                _ => Some(error),
            };
            if !is_reachable {
                break; // The other place is on the same host.
            }
        }
        let error = match first_error {
            Some(error) if !is_absent(&error) => error,
            absent => {
                let places: Vec<String> = self.places.iter().map(shown).collect();
                let message = match &places[..] {
                    [first, second] => format!(
                        "{first} and {second} answered 404: check the issuer's URL, from which both are derived"
                    ),
                    _ => format!("{} answered 404: check the URL", places.concat()),
                };
                let retry_after = absent.and_then(|error| error.retry_after());
                FetchError::new(FetchErrorKind::Status(404), message).with_retry_after(retry_after)
            }
        };
        let found = Err(error);
        Discovered { found, date }
    }

    /// Reads the metadata from the place that [`read`](Self::read) did not take it from. `None` if there is none that is
    /// this issuer's.
    ///
    /// # Errors
    ///
    /// When it could not be read.
    pub async fn read_other<M: DeserializeOwned>(
        &self,
        http: &HttpClient,
        now: UnixTime,
    ) -> Result<Option<M>, FetchError> {
        let other = (self.place + 1) % self.places.len();
        if other == self.place {
            return Ok(None);
        }
        let url = &self.places[other];
        let answer = http.get(url, Wanted::Metadata, None).await?;
        match self.metadata(http, url, answer, now) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) => match error.kind() {
                FetchErrorKind::Status(500..) | FetchErrorKind::Status(429) => Err(error),
                _ => Ok(None),
            },
        }
    }

    fn metadata<M: DeserializeOwned>(
        &self,
        http: &HttpClient,
        place: &Url,
        answer: Answer,
        now: UnixTime,
    ) -> Result<M, FetchError> {
        if answer.status != StatusCode::OK {
            return Err(answer.into_error(place, now));
        }
        let place = shown(place);
        let unusable = |error: DocumentError| {
            let why = escape(&error.to_string());
            let message = format!("{place} is not an issuer's metadata: {why}");
            FetchError::new(FetchErrorKind::Unusable, message)
        };
        let named: Named = read_json_object(&answer.body).map_err(unusable)?;
        let metadata = read_json_object(&answer.body).map_err(unusable)?;
        if named.issuer != *self.issuer {
            let message = format!(
                "{place} is the metadata of {}, not of {}: the issuer must be configured exactly as it names itself",
                escape_url(&named.issuer),
                escape_url(&self.issuer)
            );
            return Err(FetchError::new(FetchErrorKind::IssuerMismatch, message));
        }
        http.learn_reach(&answer);
        Ok(metadata)
    }

    /// Whether a URL that the metadata gives is on the issuer's own origin.
    #[must_use]
    pub fn is_own(&self, url: &Url) -> bool {
        self.own_origins.contains(&url.origin())
    }

    /// Checks a URL that the metadata gives under the name `member`.
    ///
    /// # Errors
    ///
    /// When it must not be fetched.
    pub fn check(
        &self,
        http: &HttpClient,
        member: &'static str,
        url: &str,
    ) -> Result<Url, FetchError> {
        let found = location::discovered(member, url, &self.url, self.any_http)?;
        location::check_address(member, &found, &self.url, http.reach())?;
        Ok(found)
    }
}

fn is_absent(error: &FetchError) -> bool {
    error.kind() == FetchErrorKind::Status(404)
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
