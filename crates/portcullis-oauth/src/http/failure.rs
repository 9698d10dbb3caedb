//! Requests that got no answer.

use std::{error::Error, io};

use rustls::InvalidMessage;
use url::Url;

use super::{address::ForbiddenAddress, shown};
use crate::{FetchError, FetchErrorKind};

/// Why there is no answer, or only a part of one.
pub(super) fn failed(url: &Url, error: reqwest::Error) -> FetchError {
    let url = shown(url);
    let error = error.without_url();
    if is_plain_http(&error) {
        let message = format!(
            "{url} could not be asked: the port answers without TLS, as plain http does: check the port, or write http:// if the server is on loopback"
        );
        return FetchError::new(FetchErrorKind::Unreachable, message).with_source(error);
    }
    let (kind, what) = if is_caused_by::<ForbiddenAddress>(&error) {
        (FetchErrorKind::Forbidden, "must not be asked")
    } else if error.is_timeout() {
        (FetchErrorKind::TimedOut, "did not answer in time")
    } else {
        (FetchErrorKind::Unreachable, "could not be asked")
    };
    FetchError::new(kind, format!("{url} {what}: {}", chain(&error))).with_source(error)
}

fn is_caused_by<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|error| error.is::<E>())
}

/// Whether the other side did not answer the TLS handshake in TLS.
fn is_plain_http(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| {
        // An `io::Error` is transparent: its source is that of the error inside it.
        let inner = std::iter::successors(Some(cause), |error| {
            let inner = error.downcast_ref::<io::Error>()?.get_ref()?;
            Some(inner as &(dyn Error + 'static))
        });
        inner
            .filter_map(|error| error.downcast_ref::<rustls::Error>())
            .any(|error| {
                matches!(
                    error,
                    rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)
                )
            })
    })
}

/// An error and its causes in one line: operators see the message, and need the cause. The other side may have a say
/// in the text, so it is escaped and cut short.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    const LONGEST: usize = 400;
    let all: Vec<String> = causes(error).map(ToString::to_string).collect();
    let mut escaped = String::new();
    for character in all.join(": ").chars().take(LONGEST) {
        match character {
            '\'' => escaped.push(character),
            _ => escaped.extend(character.escape_debug()),
        }
    }
    escaped
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'e (dyn Error + 'static) = *error;
        error.source()
    })
}
