//! The state that the issuer's handle shares with its server.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use http::HeaderMap;
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::{
    Endpoint, Fault, RecordedRequest, TestKey, TokenBuilder, client::Client, settings::Settings,
};

/// An issuer without its socket.
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) recorded: watch::Sender<Vec<RecordedRequest>>,
    variable: Mutex<Variable>,
}

/// What a test changes while the issuer runs.
pub(crate) struct Variable {
    pub(crate) published: Vec<Value>,
    pub(crate) signing: TestKey,
    /// Never empty; the first is the default. Only their secrets change.
    pub(crate) clients: Vec<Client>,
    pub(crate) metadata: Value,
    /// Members of RFC 8414's document alone.
    pub(crate) oauth_metadata: Map<String, Value>,
    endpoints: HashMap<Endpoint, EndpointSettings>,
}

impl Variable {
    pub(crate) fn endpoint(&mut self, endpoint: Endpoint) -> &mut EndpointSettings {
        self.endpoints.entry(endpoint).or_default()
    }
}

/// How an endpoint answers.
#[derive(Clone, Default)]
pub(crate) struct EndpointSettings {
    /// The fault, and the number of requests that it still applies to.
    pub(crate) fault: Option<(Fault, usize)>,
    pub(crate) headers: HeaderMap,
    /// Whether answers have an `ETag`, and `If-None-Match` is honoured.
    pub(crate) etag: bool,
    /// Seconds that the `Date` header is ahead of the issuer's clock.
    pub(crate) date_skew: i64,
    /// The bearer token that is required.
    pub(crate) bearer: Option<String>,
}

impl EndpointSettings {
    pub(crate) fn next_fault(&mut self) -> Option<Fault> {
        let (fault, requests) = self.fault.as_mut()?;
        *requests = requests.checked_sub(1)?;
        Some(fault.clone())
    }
}

impl State {
    pub(crate) fn new(settings: Settings, signing: TestKey, clients: Vec<Client>) -> Self {
        let variable = Variable {
            published: vec![signing.public_jwk()],
            metadata: settings.metadata(&signing),
            signing,
            clients,
            oauth_metadata: Map::new(),
            endpoints: HashMap::new(),
        };
        Self {
            settings,
            recorded: watch::Sender::default(),
            variable: Mutex::new(variable),
        }
    }

    /// Must not be held across an await.
    pub(crate) fn variable(&self) -> MutexGuard<'_, Variable> {
        self.variable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn token(&self) -> TokenBuilder {
        let (settings, variable) = (&self.settings, self.variable());
        let client_id = &variable.clients[0].id;
        TokenBuilder::new(&settings.url(""), &variable.signing, settings.clock.now())
            .audience(settings.audience())
            .client_id(client_id)
            .subject(client_id)
            .expires_in(settings.token_lifetime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_for_two_requests_ends_after_two() {
        let mut settings = EndpointSettings {
            fault: Some((Fault::Null, 2)),
            ..EndpointSettings::default()
        };
        assert!(matches!(settings.next_fault(), Some(Fault::Null)));
        assert!(matches!(settings.next_fault(), Some(Fault::Null)));
        assert!(settings.next_fault().is_none());
        assert!(settings.next_fault().is_none());
    }
}
