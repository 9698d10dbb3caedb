//! What a caller without accepted credentials is told: which to send, and in which header.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, Uri, header};

use crate::{Challenge, CredentialSource, Scheme};

/// The ways to authenticate that one layer offers.
pub(crate) struct Offer {
    schemes: Box<[Arc<dyn Scheme>]>,
    challenges: Box<[Arc<Challenge>]>,
    /// How to send each scheme's credential; `None` where it does not stand in a header.
    places: Box<[Option<String>]>,
    message: String,
}

impl Offer {
    pub(crate) fn new(schemes: &[Arc<dyn Scheme>]) -> Self {
        let places: Box<[_]> = schemes
            .iter()
            .map(|scheme| place(&scheme.source()))
            .collect();
        let named: Vec<&str> = places.iter().flatten().map(String::as_str).collect();
        let message = if named.is_empty() {
            "authentication required".to_owned()
        } else {
            format!("authentication required: send {}", named.join(" or "))
        };
        Self {
            schemes: schemes.into(),
            challenges: schemes
                .iter()
                .map(|scheme| scheme.challenge().clone())
                .collect(),
            places,
            message,
        }
    }

    pub(crate) fn challenges(&self) -> &[Arc<Challenge>] {
        &self.challenges
    }

    /// What to send, and in which header.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What to tell a caller that was found to send no credentials, but did so where no scheme reads them.
    pub(crate) fn misplaced(&self, headers: &HeaderMap, uri: &Uri) -> Option<String> {
        let fields = headers
            .iter()
            .filter(|(name, value)| !is_for_others(name, value.as_bytes()))
            .map(|(_, value)| value.as_bytes());
        let query = uri.query().map(str::as_bytes);
        fields
            .chain(query)
            .flat_map(words)
            .find_map(|word| self.belongs(word, None))
            .map(|found| format!("authentication required: {found}"))
    }

    /// What to tell a caller whose credential, which the scheme at `presented` refuses, has another scheme's form.
    pub(crate) fn misplaced_credential(
        &self,
        credential: &[u8],
        presented: usize,
    ) -> Option<String> {
        let is_own = |word| self.schemes[presented].recognise(word).is_some();
        if words(credential).any(is_own) {
            return None;
        }
        words(credential).find_map(|word| self.belongs(word, Some(presented)))
    }

    /// What `word` is, and where it belongs, by one of the schemes other than `presented`.
    fn belongs(&self, word: &[u8], presented: Option<usize>) -> Option<String> {
        let schemes = self.schemes.iter().zip(&self.places).enumerate();
        schemes
            .filter(|(index, _)| Some(*index) != presented)
            .find_map(|(_, (scheme, place))| {
                let what = scheme.recognise(word)?;
                let place = place.as_ref()?;
                Some(format!(
                    "{what} was sent in the wrong place: send it as {place}"
                ))
            })
    }
}

fn place(source: &CredentialSource) -> Option<String> {
    match source {
        CredentialSource::Authorization(scheme) => {
            Some(format!("`Authorization: {scheme} <token>`"))
        }
        CredentialSource::Header(name) => Some(format!("`{name}: <key>`")),
        CredentialSource::Connection => None,
    }
}

/// Fields whose JWTs are meant to stand there: DPoP proofs and DPoP-bound tokens (RFC 9449), and a proxy's own.
fn is_for_others(name: &HeaderName, value: &[u8]) -> bool {
    name.as_str() == "dpop"
        || name == header::PROXY_AUTHORIZATION
        || (name == header::AUTHORIZATION
            && value
                .get(..5)
                .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"dpop ")))
}

/// The pieces of a field that could be a credential.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|octet| !(octet.is_ascii_alphanumeric() || b"-_.".contains(octet)))
        .filter(|word| !word.is_empty())
}
