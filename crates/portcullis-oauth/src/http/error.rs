//! Errors of requests without an answer.

use std::{error::Error, io, iter};

use portcullis_core::log::escape_to;
use rustls::InvalidMessage;
use url::Url;

use super::{resolver::ForbiddenAddress, url_rules::display_url};
use crate::{FetchError, FetchErrorKind};

pub(super) fn request_failed(url: &Url, error: reqwest::Error) -> FetchError {
    let url = display_url(url);
    let error = error.without_url();
    let (kind, problem) = if is_plain_http(&error) {
        let message = format!(
            "request to {url} failed, because the server answered in plain http, without TLS: check the port, or use http:// for a server on loopback"
        );
        return FetchError::new(FetchErrorKind::Unreachable, message).with_source(error);
    } else if causes(&error).any(|cause| cause.is::<ForbiddenAddress>()) {
        (FetchErrorKind::Forbidden, "is not allowed")
    } else if error.is_timeout() {
        (FetchErrorKind::TimedOut, "timed out")
    } else {
        (FetchErrorKind::Unreachable, "failed")
    };
    let advice = match kind {
        // The cause has the advice.
        FetchErrorKind::Forbidden => "",
        FetchErrorKind::TimedOut => ": check that the host can be reached, or raise `timeout`",
        _ => ": check that the host can be reached, and check its certificate and the client's",
    };
    let causes = with_causes(&error);
    let message = format!("request to {url} {problem} ({causes}){advice}");
    FetchError::new(kind, message).with_source(error)
}

/// Whether the server answered the TLS handshake in another protocol.
fn is_plain_http(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| {
        // The source of an `io::Error` skips the error inside it.
        let mut nested = iter::successors(Some(cause), |error| {
            let inner = error.downcast_ref::<io::Error>()?.get_ref()?;
            Some(inner as &(dyn Error + 'static))
        });
        nested.any(|error| {
            let wrong_type = rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType);
            error.downcast_ref() == Some(&wrong_type)
        })
    })
}

/// An error and its causes in one line. The server influences the text, so it is escaped and truncated.
pub(super) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let all: Vec<String> = causes(error).map(ToString::to_string).collect();
    escape_to(&all.join(": "), 400)
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    iter::successors(Some(error), |error| {
        let error: &'e (dyn Error + 'static) = *error;
        error.source()
    })
}
