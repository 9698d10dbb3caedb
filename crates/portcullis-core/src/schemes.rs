//! The schemes of one layer: which credential was sent, and what a caller is told to send.

use std::{fmt, sync::Arc};

use http::{HeaderMap, HeaderName, Uri, header};

use crate::{
    challenge::Challenge,
    error::ConfigError,
    failure::{Failure, FailureKind},
    refusal_log::RefusalLog,
    scheme::{CredentialSource, Head, Outcome, Scheme},
};

/// The schemes of one layer, at least one. No two read the same part of a request.
pub(crate) struct Schemes {
    entries: Vec<Entry>,
    pub(crate) challenges: Vec<Arc<Challenge>>,
    /// The message for a caller that sent no credential: what to send, and in which header.
    pub(crate) message: String,
}

struct Entry {
    scheme: Arc<dyn Scheme>,
    source: CredentialSource,
}

impl fmt::Debug for Schemes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.challenges.iter().map(|challenge| challenge.name());
        f.debug_list().entries(names).finish()
    }
}

impl Schemes {
    pub(crate) fn new(schemes: Vec<Arc<dyn Scheme>>) -> Result<Self, ConfigError> {
        let mut entries: Vec<Entry> = Vec::with_capacity(schemes.len());
        for scheme in schemes {
            let source = scheme.source();
            if let Some(other) = entries.iter().find(|other| other.source.overlaps(&source)) {
                let advice = match source {
                    CredentialSource::Authorization(_) => {
                        "use one scheme that accepts both, such as a bearer scheme of several trusted issuers"
                    }
                    CredentialSource::Header(_) => "give one of them another header",
                    CredentialSource::Connection => "keep only one of them",
                };
                let problem = format!(
                    "{} and {} would read the same credential ({source:?}): {advice}",
                    other.scheme.challenge().name(),
                    scheme.challenge().name(),
                );
                return Err(ConfigError::new("schemes", problem));
            }
            entries.push(Entry { scheme, source });
        }
        if entries.is_empty() {
            let problem = "the list is empty: add at least one scheme";
            return Err(ConfigError::new("schemes", problem));
        }
        let usages = entries.iter().flat_map(|entry| usage(&entry.source));
        let message = match usages.collect::<Vec<_>>().as_slice() {
            [] => "authentication required".to_owned(),
            usages => format!("authentication required: send {}", usages.join(" or ")),
        };
        let challenges = entries.iter().map(|entry| entry.scheme.challenge().clone());
        Ok(Self {
            challenges: challenges.collect(),
            entries,
            message,
        })
    }

    /// Finds the one credential that was sent, and verifies it. If its scheme fails, no other scheme is tried. A credential
    /// of the connection counts only if no header has one.
    ///
    /// Returns the index of the scheme and its outcome, or `None` if no credential was sent.
    pub(crate) fn authenticate(&self, head: &Head<'_>) -> Option<(usize, Outcome)> {
        let (mut in_header, mut on_connection) = (None, None);
        for (index, entry) in self.entries.iter().enumerate() {
            let found = match entry.scheme.detect(head) {
                Ok(found) => found.map(|credential| (index, credential)),
                Err(failure) => return Some((index, Outcome::Done(Err(failure)))),
            };
            if entry.source == CredentialSource::Connection {
                on_connection = found;
            } else if found.is_some() && in_header.is_some() {
                let failure = Failure::malformed("two credentials were sent at once: send one");
                return Some((index, Outcome::Done(Err(failure))));
            } else {
                in_header = in_header.or(found);
            }
        }
        let (index, credential) = in_header.or(on_connection)?;
        let outcome = match self.entries[index].scheme.authenticate(head, credential) {
            Outcome::Done(Err(failure)) => {
                Outcome::Done(Err(self.with_hint(failure, credential, index)))
            }
            outcome => outcome,
        };
        Some((index, outcome))
    }

    pub(crate) fn header(&self, index: usize) -> Option<&HeaderName> {
        self.entries[index].source.header()
    }

    /// The log of refusals that concern no single scheme: the log of the first scheme.
    pub(crate) fn log(&self) -> &Arc<RefusalLog> {
        self.challenges[0].log()
    }

    /// The message for a caller that sent a credential where no scheme reads it.
    pub(crate) fn misplaced(&self, headers: &HeaderMap, uri: &Uri) -> Option<String> {
        let fields = headers
            .iter()
            .filter(|(name, value)| !is_for_others(name, value.as_bytes()))
            .map(|(_, value)| value.as_bytes());
        let query = uri.query().map(str::as_bytes);
        fields
            .chain(query)
            .flat_map(words)
            .find_map(|word| self.hint_for(word, None))
            .map(|place| format!("authentication required: {place}"))
    }

    /// If a refused credential has the form of another scheme's, tells the caller where to send it.
    #[cold]
    fn with_hint(&self, failure: Failure, credential: &[u8], index: usize) -> Failure {
        let is_own = |word: &[u8]| self.entries[index].scheme.recognise(word).is_some();
        let is_credential_at_fault = matches!(
            failure.kind(),
            FailureKind::Invalid | FailureKind::Malformed
        );
        if !is_credential_at_fault || words(credential).any(is_own) {
            return failure;
        }
        match words(credential).find_map(|word| self.hint_for(word, Some(index))) {
            Some(message) => failure.with_external(message),
            None => failure,
        }
    }

    /// What `word` is, and how to send it, if a scheme recognises it. The scheme at `except` is not asked.
    fn hint_for(&self, word: &[u8], except: Option<usize>) -> Option<String> {
        let entries = self.entries.iter().enumerate();
        entries
            .filter(|(index, _)| Some(*index) != except)
            .find_map(|(_, entry)| {
                let what = entry.scheme.recognise(word)?;
                let usage = usage(&entry.source)?;
                Some(format!(
                    "{what} was sent in the wrong place: send it as {usage}"
                ))
            })
    }
}

/// How to send a credential; `None` if it is not in a header.
fn usage(source: &CredentialSource) -> Option<String> {
    match source {
        CredentialSource::Authorization(scheme) => {
            Some(format!("`Authorization: {scheme} <token>`"))
        }
        CredentialSource::Header(name) => Some(format!("`{name}: <key>`")),
        CredentialSource::Connection => None,
    }
}

/// Whether the header is the right place for a JWT that no scheme here reads: a DPoP proof, a DPoP-bound token (RFC 9449)
/// or a credential for a proxy.
fn is_for_others(name: &HeaderName, value: &[u8]) -> bool {
    let is_dpop = |value: &[u8]| {
        let scheme = value.get(..5);
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"dpop "))
    };
    name.as_str() == "dpop"
        || name == header::PROXY_AUTHORIZATION
        || (name == header::AUTHORIZATION && is_dpop(value))
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|octet| !(octet.is_ascii_alphanumeric() || b"-_.".contains(octet)))
        .filter(|word| !word.is_empty())
}
