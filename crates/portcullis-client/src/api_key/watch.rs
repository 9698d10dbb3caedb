//! The task that looks at a key's file.

use std::{
    convert::Infallible,
    mem,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use http::HeaderValue;
use tokio::{
    sync::oneshot::{self, error::TryRecvError},
    task::spawn_blocking,
    time::sleep,
};

use super::{KeyFile, Shared};

const INTERVAL: Duration = Duration::from_secs(1);

/// Works until `stop` closes.
pub(super) struct Watch {
    pub(super) file: Arc<Mutex<KeyFile>>,
    /// What was read from the file last: a key that replaced it stays until the file changes.
    pub(super) last: HeaderValue,
    pub(super) shared: Arc<Shared>,
    pub(super) stop: oneshot::Receiver<Infallible>,
}

impl Watch {
    pub(super) async fn run(mut self) {
        loop {
            tokio::select! {
                biased;
                _ = &mut self.stop => return,
                () = sleep(INTERVAL) => {}
            }
            let file = self.file.clone();
            let read = tokio::select! {
                biased;
                _ = &mut self.stop => return,
                read = spawn_blocking(move || lock(&file).read()) => read,
            };
            let found = read.unwrap_or_else(|error| Err(format!("it was not read: {error}")));
            self.note(found);
        }
    }

    fn path(&self) -> PathBuf {
        lock(&self.file).file.path().to_owned()
    }

    fn note(&mut self, found: Result<HeaderValue, String>) {
        let path = self.path();
        let path = path.display();
        let problem = match found {
            Ok(value) => {
                if self.last != value {
                    self.last.clone_from(&value);
                    self.shared.value.store(Arc::new(value));
                    tracing::info!(%path, "another API key is sent from now on");
                }
                None
            }
            Err(why) => Some(why),
        };
        // Whoever listens to the log may ask for the problem.
        let before = mem::replace(&mut *self.shared.problem(), problem.clone());
        match problem {
            Some(why) if before.as_ref() != Some(&why) => {
                tracing::warn!(
                    "the API key to send cannot be read, the one before is sent on: {why}"
                );
            }
            None if before.is_some() => {
                tracing::info!(%path, "the API key to send can be read again")
            }
            _ => {}
        }
    }
}

impl Drop for Watch {
    /// Tells when the task ends though its source is still held: its runtime has ended, or it panicked.
    fn drop(&mut self) {
        if matches!(self.stop.try_recv(), Err(TryRecvError::Closed)) {
            return;
        }
        let why = format!(
            "nothing reads {} any more: the runtime of the watch has ended, or its task panicked",
            self.path().display()
        );
        *self.shared.problem() = Some(why.clone());
        // What panicked may be whoever listens to the log.
        if !thread::panicking() {
            tracing::error!("the API key to send does not follow its file: {why}");
        }
    }
}

fn lock(file: &Mutex<KeyFile>) -> MutexGuard<'_, KeyFile> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}
