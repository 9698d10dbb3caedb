//! Configuration of a token source.

use std::sync::Arc;

use portcullis_core::ConfigError;
use portcullis_worker::{Worker, current_runtime};

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
    pub(super) client: Result<TokenClient, ConfigError>,
}

impl TokenSourceBuilder {
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
        let inner = Arc::new_cyclic(|source| {
            task.spawn(|task| {
                let renewal = Renewal {
                    task,
                    client: client.clone(),
                    source: source.clone(),
                    reported: Reported::default(),
                };
                renewal.run()
            });
            SourceInner { worker, client }
        });
        Ok(TokenSource(inner))
    }
}
