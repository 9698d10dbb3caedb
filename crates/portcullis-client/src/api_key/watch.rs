//! The task that watches an API key's file.

use std::{
    convert::Infallible,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use arc_swap::ArcSwap;
use http::HeaderValue;
use portcullis_core::clock::Deadline;
use portcullis_file::WatchedFile;
use portcullis_worker::{Death, State, Task};
use tokio::task::spawn_blocking;

use super::header_value;
use crate::lock;

const INTERVAL: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(super) struct WatchState {
    pub(super) path: Arc<Path>,
    /// Why the file could not be read the last time.
    pub(super) problem: Option<String>,
}

impl State for WatchState {
    /// The end of the task.
    type Event = ();

    fn died(&mut self, _: Death) {
        self.problem = Some(format!(
            "the watch of the file {} stopped because the runtime ended or the task panicked: restart the service",
            self.path.display()
        ));
    }

    fn log(&self, (): &()) {
        let why = self.problem.as_deref();
        tracing::error!(why, "API key to send no longer follows its file");
    }
}

/// `last` is the key that was read from the file. A key that replaced it stays until the file changes.
pub(super) async fn run(
    task: Task<WatchState>,
    file: WatchedFile,
    mut last: HeaderValue,
    value: Arc<ArcSwap<HeaderValue>>,
) -> Infallible {
    let path = file.path().to_owned();
    let file = Arc::new(Mutex::new(file));
    loop {
        task.pause(Deadline::after(task.now(), INTERVAL)).await;
        let file = file.clone();
        let key = spawn_blocking(move || read(&mut lock(&file))).await;
        // A panic, such as one of a log subscriber, must not end the watch.
        let key = key.unwrap_or_else(|error| Err(format!("the file {}: {error}", path.display())));
        if let Ok(key) = &key
            && last != *key
        {
            last.clone_from(key);
            value.store(Arc::new(last.clone()));
            tracing::info!(path = %path.display(), "API key to send replaced");
        }
        let problem = key.err();
        if problem == task.state().problem {
            continue;
        }
        task.update(|state| state.problem.clone_from(&problem));
        match problem {
            Some(why) => {
                tracing::warn!(
                    "the file of the API key to send cannot be used; the previous key remains in use: {why}"
                );
            }
            None => {
                tracing::info!(path = %path.display(), "the file of the API key to send is usable again")
            }
        }
    }
}

pub(super) fn read(file: &mut WatchedFile) -> Result<HeaderValue, String> {
    let contents = file.read();
    let key = contents
        .and_then(|contents| contents.reject_detached().map(|()| contents))
        .map_err(|error| error.to_string())
        .and_then(|contents| Ok(header_value(contents.bytes().trim_ascii())?));
    key.map_err(|why| format!("the file {}: {why}", file.path().display()))
}
