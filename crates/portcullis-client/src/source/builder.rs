//! Configuration of a token source.

use std::sync::{Arc, Mutex, atomic::AtomicBool};

use arc_swap::ArcSwap;
use portcullis_core::ConfigError;
use portcullis_oauth::{AuthorizationServer, ClientAuthentication};
use tokio::{
    sync::{Notify, broadcast, mpsc, oneshot, watch},
    time::Instant,
};

use super::{
    Handle, TokenSource,
    shared::Shared,
    task::{State, Task},
};
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
    /// How many events a receiver may lag behind before it misses the oldest.
    const EVENTS: usize = 64;

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
        let (ended, attempts) = watch::channel(0);
        let shared = Arc::new(Shared {
            client: self.settings.build()?,
            state: ArcSwap::from_pointee(State::default()),
            is_asked: AtomicBool::new(false),
            is_attempting: AtomicBool::new(false),
            wake: Notify::new(),
            attempts,
            events: broadcast::Sender::new(Self::EVENTS),
            is_shut_down: AtomicBool::new(false),
            has_told_shut_down: AtomicBool::new(false),
            unrevoked: Mutex::default(),
            rejected: Mutex::default(),
            rejections: Mutex::default(),
            origin: Instant::now(),
        });
        let (stop, stopped) = oneshot::channel();
        let (refreshes, received) = mpsc::unbounded_channel();
        let task = Task::new(shared.clone(), received, ended);
        // Owned by the source: the task ends when `stop` is dropped.
        drop(runtime.spawn(task.run(stopped)));
        Ok(TokenSource(Arc::new(Handle {
            shared,
            refreshes,
            stop: Mutex::new(Some(stop)),
        })))
    }
}
