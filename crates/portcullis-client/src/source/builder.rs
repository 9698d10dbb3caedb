//! Configuration of a token source.

use std::sync::Arc;

use portcullis_core::ConfigError;
use portcullis_oauth::{AuthorizationServer, ClientAuthentication};
use portcullis_worker::Worker;
use tokio::sync::mpsc;

use super::{SourceInner, TokenSource, renewal::Renewal, state::SourceState};
use crate::{
    request::{RequestSettings, request_setters},
    runtime::current_runtime,
};

/// Configures a [`TokenSource`].
#[derive(Clone, Debug)]
#[must_use = "`build` makes the source"]
pub struct TokenSourceBuilder {
    settings: RequestSettings,
}

impl TokenSourceBuilder {
    pub(super) fn new(
        server: Result<AuthorizationServer, ConfigError>,
        client: ClientAuthentication,
    ) -> Self {
        Self {
            settings: RequestSettings::new(server, client),
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
        let runtime = current_runtime("build")?;
        let client = Arc::new(self.settings.build()?);
        let state = SourceState::new(client.clone());
        let (worker, task) = Worker::new(state, client.clock().clone(), runtime);
        let (refreshes, received) = mpsc::unbounded_channel();
        let inner = Arc::new_cyclic(|source| {
            let (of_task, source) = (client.clone(), source.clone());
            task.spawn(|task| Renewal::new(task, of_task, source, received).run());
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
