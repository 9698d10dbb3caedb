//! Metadata of issuers (OpenID Connect Discovery 1.0, RFC 8414).

use std::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use portcullis_core::{ConfigError, clock::ClockOffset, log::escape_url};
use reqwest::StatusCode;
use serde::{Deserialize, de::DeserializeOwned};
use url::{Origin, Url};

use crate::{
    FetchError, FetchErrorKind,
    http::{Answer, HttpClient, display_url, url_rules},
    json_object::read_json_object,
};

/// OpenID Connect appends the well-known path to the issuer's (Discovery §4), RFC 8414 §3.1 puts it in front.
fn well_known_urls(issuer: &Url) -> [Url; 2] {
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

/// Finds and reads the metadata of one issuer.
pub struct Discovery {
    /// The client for the issuer.
    pub http: HttpClient,
    /// The configured identifier, which the metadata must repeat exactly.
    issuer: Box<str>,
    /// `discover_at`, or else the issuer.
    url: Url,
    url_setting: &'static str,
    /// The origins of `url`, and of `issuer` if that is an accepted URL.
    own_origins: Vec<Origin>,
    /// The two well-known URLs, or only `url` if that has `/.well-known/` in its path.
    candidates: Vec<Url>,
    /// The index of the candidate that had the metadata the last time.
    current: AtomicUsize,
}

/// The member that [`Discovery`] itself reads. Its users read others.
#[derive(Deserialize)]
struct IssuerMember {
    issuer: String,
}

impl Discovery {
    /// The metadata of `issuer`, at its well-known URLs or at those of `discover_at`. A `discover_at` with `/.well-known/`
    /// in its path is used as is. `http` makes the client for `discover_at`, or for `issuer` without one.
    ///
    /// # Errors
    ///
    /// When `issuer`, `discover_at` or the client cannot be used.
    pub fn new(
        issuer: &str,
        discover_at: Option<&str>,
        allow_http: bool,
        http: impl FnOnce(&Url) -> Result<HttpClient, ConfigError>,
    ) -> Result<Self, ConfigError> {
        // With `discover_at`, the issuer need not be a URL.
        let issuer_url = url_rules::configured("issuer", issuer, allow_http);
        let url = match discover_at {
            Some(at) => url_rules::configured("discover_at", at, allow_http)?,
            None => issuer_url.clone()?,
        };
        url_rules::issuer_name(issuer)?;
        Ok(Self {
            http: http(&url)?,
            issuer: issuer.into(),
            own_origins: issuer_url.iter().chain([&url]).map(Url::origin).collect(),
            candidates: match url.path().contains("/.well-known/") {
                true => vec![url.clone()],
                false => well_known_urls(&url).into(),
            },
            url,
            url_setting: discover_at.map_or("issuer", |_| "discover_at"),
            current: AtomicUsize::new(0),
        })
    }

    /// The configured identifier of the issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Reads the candidates in turn until `pick` accepts the metadata of one, and returns what `pick` takes from it. Also
    /// returns the offset of the server's clock from ours, if an answer tells it.
    pub async fn read<M: DeserializeOwned, T>(
        &self,
        pick: impl Fn(&Self, M) -> Result<T, FetchError>,
    ) -> (Result<T, FetchError>, Option<ClockOffset>) {
        let (mut clock_skew, mut errors) = (None, Vec::new());
        let current = self.current.load(Ordering::Relaxed);
        for offset in 0..self.candidates.len() {
            let candidate = (current + offset) % self.candidates.len();
            let url = &self.candidates[candidate];
            let found = self.http.get(url, None).await.and_then(|answer| {
                clock_skew = answer.clock_skew().or(clock_skew);
                pick(self, self.metadata(url, answer)?)
            });
            match found {
                Ok(found) => {
                    self.current.store(candidate, Ordering::Relaxed);
                    return (Ok(found), clock_skew);
                }
                Err(error) => errors.push(error),
            }
            // The other candidate would fail too: it is on the same host.
            if let Some(
                FetchErrorKind::Unreachable | FetchErrorKind::TimedOut | FetchErrorKind::Credential,
            ) = errors.last().map(FetchError::kind)
            {
                break;
            }
        }
        // An error other than 404 tells the operator more.
        let is_not_404 = |error: &FetchError| error.kind() != FetchErrorKind::Status(404);
        let error = match errors.iter().position(is_not_404) {
            Some(index) => errors.swap_remove(index),
            None => self.not_found(errors.first().and_then(FetchError::retry_after)),
        };
        (Err(error), clock_skew)
    }

    fn not_found(&self, retry_after: Option<Duration>) -> FetchError {
        let urls: Vec<String> = self.candidates.iter().map(display_url).collect();
        let (urls, setting) = (urls.join(" and "), self.url_setting);
        let message = format!(
            "no metadata found: {urls} answered 404 (derived from `{setting}`: check it, or configure the URLs)"
        );
        FetchError::new(FetchErrorKind::Status(404), message).with_retry_after(retry_after)
    }

    /// Reads the candidate that [`read`](Self::read) did not use. `None` if it has no metadata of this issuer.
    ///
    /// # Errors
    ///
    /// When the candidate cannot be read.
    pub async fn read_other<M: DeserializeOwned>(&self) -> Result<Option<M>, FetchError> {
        let current = self.current.load(Ordering::Relaxed);
        let other = (current + 1) % self.candidates.len();
        if other == current {
            return Ok(None);
        }
        let url = &self.candidates[other];
        let answer = self.http.get(url, None).await?;
        match self.metadata(url, answer) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) => match error.kind() {
                FetchErrorKind::Status(429 | 500..) => Err(error),
                _ => Ok(None),
            },
        }
    }

    fn metadata<M: DeserializeOwned>(&self, url: &Url, answer: Answer) -> Result<M, FetchError> {
        if answer.status != StatusCode::OK {
            return Err(answer.into_error(url, "discover_at"));
        }
        let (url, setting) = (display_url(url), self.url_setting);
        let document = |body| {
            read_json_object::<IssuerMember>(body)
                .and_then(|named| Ok((named, read_json_object(body)?)))
        };
        let (named, metadata) = document(&answer.body).map_err(|error| {
            let message = format!(
                "{url} is not usable metadata of an issuer ({error}): check `{setting}`, or have the server correct the metadata, or configure the URLs themselves"
            );
            FetchError::new(FetchErrorKind::Unusable, message)
        })?;
        if named.issuer != *self.issuer {
            let (found, expected) = (escape_url(&named.issuer), escape_url(&self.issuer));
            let message = format!(
                "{url} is the metadata of issuer {found}, expected {expected}: check `{setting}`, and if this is the right metadata, configure the issuer exactly as its metadata names it"
            );
            return Err(FetchError::new(FetchErrorKind::IssuerMismatch, message));
        }
        self.http.learn_issuer_network(&answer);
        Ok(metadata)
    }

    /// Whether a URL from the metadata is on the origin of the issuer or of `discover_at`.
    #[must_use]
    pub fn is_own(&self, url: &Url) -> bool {
        self.own_origins.contains(&url.origin())
    }

    /// Checks a URL that the metadata gives as `member`.
    ///
    /// # Errors
    ///
    /// When it must not be requested.
    pub fn check(&self, member: &'static str, url: &str) -> Result<Url, FetchError> {
        let (allow_http, networks) = (self.http.allow_http(), self.http.networks());
        url_rules::discovered(member, url, &self.url, allow_http, networks)
    }
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Discovery")
            .field("issuer", &self.issuer)
            .field("url", &display_url(&self.url))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::clock::system_clock;

    use super::*;

    #[test]
    fn debug_shows_no_query() {
        let http = |url: &Url| HttpClient::new(&<_>::default(), system_clock(), url, &[]);
        let at = "https://issuer.example/.well-known/a?code=s3cr3t";
        let discovery = Discovery::new("https://issuer.example", Some(at), false, http).unwrap();
        let shown = format!("{discovery:?} {:?}", discovery.http);
        assert!(
            shown.contains("https://issuer.example/.well-known/a"),
            "{shown}"
        );
        assert!(!shown.contains("s3cr3t"), "{shown}");
    }

    #[test]
    fn s1_s2_well_known_urls_are_derived_from_the_issuer() {
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
            let [found_oidc, found_rfc8414] = well_known_urls(&Url::parse(issuer).unwrap());
            assert_eq!(found_oidc.as_str(), oidc);
            assert_eq!(found_rfc8414.as_str(), rfc8414);
        }
    }
}
