//! Configuration of a token source.

use std::sync::Arc;

use portcullis_core::ConfigError;
use portcullis_oauth::{AuthorizationServer, ClientAuthentication};
use portcullis_worker::{Worker, current_runtime};
use tokio::sync::mpsc;

use super::{
    SourceInner, TokenSource,
    renewal::{Renewal, Reported},
    state::SourceState,
};
use crate::token_client::{TokenClient, configure, request_setters};

/// Configures a [`TokenSource`].
#[derive(Clone, Debug)]
#[must_use = "`build` makes the source"]
pub struct TokenSourceBuilder {
    client: Result<TokenClient, ConfigError>,
}

impl TokenSourceBuilder {
    pub(super) fn new(
        server: Result<AuthorizationServer, ConfigError>,
        authentication: ClientAuthentication,
    ) -> Self {
        Self {
            client: server.map(|server| TokenClient::new(server, authentication)),
        }
    }

    request_setters!();

    /// Builds the source and starts its task. The first token is fetched when it is first needed.
    ///
    /// # Errors
    ///
    /// When a setting is invalid, or outside a tokio runtime. The runtime must have its time and IO drivers enabled,
    /// which cannot be checked here.
    pub fn build(self) -> Result<TokenSource, ConfigError> {
        let runtime = current_runtime("TokenSourceBuilder::build")?;
        let client = self.client?.check()?;
        let state = SourceState::new(client.clone());
        let (worker, task) = Worker::new(state, client.clock().clone(), runtime);
        let (refreshes, refresh_receiver) = mpsc::unbounded_channel();
        let inner = Arc::new_cyclic(|source| {
            task.spawn(|task| {
                let renewal = Renewal {
                    task,
                    client: client.clone(),
                    source: source.clone(),
                    refreshes: refresh_receiver,
                    reported: Reported::default(),
                };
                renewal.run()
            });
            SourceInner {
                worker,
                client,
                refreshes,
                has_announced_shut_down: false.into(),
            }
        });
        Ok(TokenSource(inner))
    }
}
