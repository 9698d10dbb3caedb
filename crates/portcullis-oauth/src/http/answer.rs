//! A response whose body was read within limits.

use std::{fmt, time::Duration};

use portcullis_core::clock::{ClockOffset, UnixTime};
use portcullis_jose::KeySet;
use reqwest::{
    Response, StatusCode,
    header::{CONTENT_ENCODING, ETAG, HeaderMap, HeaderValue},
};
use url::Url;

use super::{address::Network, error::request_failed, headers, url_rules::display_url};
use crate::{FetchError, FetchErrorKind};

/// A response. The body of a GET is read only if the status is 200.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    received_at: UnixTime,
    pub(super) network: Option<Network>,
    /// Whether a bearer token is configured but was not sent, because the URL is on another origin.
    pub(super) token_withheld: bool,
}

impl Answer {
    pub(super) fn without_body(response: &Response, received_at: UnixTime) -> Self {
        let address = response.remote_addr();
        Self {
            status: response.status(),
            headers: response.headers().clone(),
            body: Vec::new(),
            received_at,
            network: address.map(|address| Network::of(address.ip())),
            token_withheld: false,
        }
    }

    /// Reads the body. More than [`KeySet::MAX_BYTES`] is an error, whether or not the response declares its length.
    pub(super) async fn read_body(
        &mut self,
        url: &Url,
        mut response: Response,
    ) -> Result<(), FetchError> {
        let limit = KeySet::MAX_BYTES;
        let too_large = || {
            let url = display_url(url);
            let message = format!(
                "{url} answered with more than {limit} bytes, the most that is accepted (not configurable): check that this is the right URL, or have the server shorten the document"
            );
            FetchError::new(FetchErrorKind::TooLarge, message)
        };
        let declared = response.content_length();
        if declared.is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let failed = |error| request_failed(url, error);
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if self.body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            self.body.extend_from_slice(&chunk);
        }
        Ok(())
    }

    /// Rejects a body in a content coding. The header may repeat a secret, so only registered codings are shown.
    pub(super) fn check_encoding(&self, url: &Url) -> Result<(), FetchError> {
        const CODINGS: [&str; 6] = ["br", "compress", "deflate", "gzip", "x-gzip", "zstd"];

        let Some(coding) = self.headers.get(CONTENT_ENCODING) else {
            return Ok(());
        };
        let coding = coding.to_str().unwrap_or("unknown").trim();
        let is = |name: &str| coding.eq_ignore_ascii_case(name);
        if is("") || is("identity") || self.body.is_empty() {
            return Ok(());
        }
        let known = CODINGS.into_iter().find(|name| is(name));
        let coding = known.unwrap_or("[unknown]");
        let (url, status) = (display_url(url), self.status.as_u16());
        let message = format!(
            "{url} answered {status} with the unrequested `Content-Encoding: {coding}`: turn off compression at the server or its proxy"
        );
        Err(FetchError::new(FetchErrorKind::Unusable, message))
    }

    /// Rejects a document that repeats the bearer token, which could appear in messages as part of a URL or a key id.
    pub(super) fn check_repetition(&self, url: &Url, token: &[u8]) -> Result<(), FetchError> {
        // Only the end is compared, since other JWTs may begin like this one.
        let end = &token[token.len().saturating_sub(16)..];
        if !self.body.windows(end.len()).any(|part| part == end) {
            return Ok(());
        }
        let url = display_url(url);
        let message = format!(
            "{url} repeats the bearer token in its answer, so the answer is not used: check that this is the right URL, or correct the server"
        );
        Err(FetchError::new(FetchErrorKind::Unusable, message))
    }

    /// The entity tag, for a conditional request (RFC 9110 §8.8.3).
    pub fn etag(&self) -> Option<HeaderValue> {
        self.headers.get(ETAG).cloned()
    }

    /// How long the answer may be kept (RFC 9111 §4.2.1), if the server says so.
    pub fn max_age(&self) -> Option<Duration> {
        headers::max_age(&self.headers)
    }

    /// The offset of the server's clock from ours. `None` for an answer from a cache.
    pub fn clock_skew(&self) -> Option<ClockOffset> {
        let date = headers::date(&self.headers)?;
        Some(ClockOffset::between(date, self.received_at))
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        headers::retry_after(&self.headers, self.received_at)
    }

    /// The error for an answer with an unexpected status. The target of a redirect can be configured as `setting`.
    pub fn into_error(self, url: &Url, setting: &str) -> FetchError {
        let message = answered(&display_url(url), self.status);
        let as_setting = format!(" as `{setting}`");
        let hint = match self.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if self.token_withheld => {
                ": the bearer token is sent to the configured origin only; configure this URL as `jwks_uri`"
            }
            _ if is_redirect(self.status) => as_setting.as_str(),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                ": if the server requires a bearer token, set `bearer_token_file` or correct that file"
            }
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::GONE => {
                ": check that this is the right URL"
            }
            _ => ": if this persists, check the server",
        };
        let kind = match is_redirect(self.status) {
            true => FetchErrorKind::Redirected,
            false => FetchErrorKind::Status(self.status.as_u16()),
        };
        let error = FetchError::new(kind, format!("{message}{hint}"));
        error.with_retry_after(self.retry_after())
    }
}

pub(crate) fn answered(url: &str, status: StatusCode) -> String {
    let code = status.as_u16();
    match is_redirect(status) {
        true => format!(
            "{url} redirects ({code}); redirects are not followed: check that this is the right URL, or configure the one that it redirects to"
        ),
        false => format!("{url} answered {code}"),
    }
}

fn is_redirect(status: StatusCode) -> bool {
    status.is_redirection() && status != StatusCode::NOT_MODIFIED
}

/// Omits the body, which may contain a token.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
