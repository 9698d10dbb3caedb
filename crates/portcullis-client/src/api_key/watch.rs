//! The task that looks at a key's file.

use std::{convert::Infallible, path::Path, sync::Arc, time::Duration};

use tokio::{sync::oneshot, task::spawn_blocking, time::sleep};

use super::{Shared, read};

const INTERVAL: Duration = Duration::from_secs(1);

/// Works until `stop` closes.
pub(super) async fn run(path: Arc<Path>, shared: Arc<Shared>, stop: oneshot::Receiver<Infallible>) {
    let work = async {
        loop {
            sleep(INTERVAL).await;
            look(&path, &shared).await;
        }
    };
    tokio::select! {
        biased;
        _ = stop => {}
        () = work => {}
    }
}

async fn look(path: &Arc<Path>, shared: &Shared) {
    let shown = path.clone();
    let Ok(read) = spawn_blocking(move || read(&shown)).await else {
        // The runtime is ending.
        return;
    };
    let problem = match read {
        Ok(value) => {
            if **shared.value.load() != value {
                shared.value.update(|_| Some(value));
                tracing::info!(path = %path.display(), "another API key is sent from now on");
            }
            None
        }
        Err(why) => Some(why),
    };
    let mut last = shared.problem();
    if *last != problem {
        if let Some(why) = &problem {
            tracing::warn!("the API key to send cannot be read, the one before is sent on: {why}");
        }
        *last = problem;
    }
}
