//! The task that looks at a key's file.

use std::{convert::Infallible, path::Path, sync::Arc, time::Duration};

use http::HeaderValue;
use tokio::{sync::oneshot, task::spawn_blocking, time::sleep};

use super::{Shared, read};

const INTERVAL: Duration = Duration::from_secs(1);

/// Works until `stop` closes. `last` is what was read from the file before.
pub(super) async fn run(
    path: Arc<Path>,
    mut last: HeaderValue,
    shared: Arc<Shared>,
    stop: oneshot::Receiver<Infallible>,
) {
    let work = async {
        loop {
            sleep(INTERVAL).await;
            look(&path, &shared, &mut last).await;
        }
    };
    tokio::select! {
        biased;
        _ = stop => {}
        () = work => {}
    }
}

/// `last` is what was read from the file last: a key that replaced it stays until the file changes.
async fn look(path: &Arc<Path>, shared: &Shared, last: &mut HeaderValue) {
    let shown = path.clone();
    let Ok(read) = spawn_blocking(move || read(&shown)).await else {
        // The runtime is ending.
        return;
    };
    let problem = match read {
        Ok(value) => {
            if *last != value {
                last.clone_from(&value);
                shared.value.update(|_| Some(value));
                tracing::info!(path = %path.display(), "another API key is sent from now on");
            }
            None
        }
        Err(why) => Some(why),
    };
    let mut known = shared.problem();
    if *known != problem {
        if let Some(why) = &problem {
            tracing::warn!("the API key to send cannot be read, the one before is sent on: {why}");
        }
        *known = problem;
    }
}
