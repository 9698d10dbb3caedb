use std::{io, sync::Arc};

use tokio::{sync::Mutex, task::spawn_blocking};

/// Blocking work with a value, such as a file, on a thread of its own: one call at a time. While a call hangs, the others wait
/// without a thread, which the runtime has few of and needs for DNS.
#[derive(Debug, Default)]
pub struct Blocking<T>(Arc<Mutex<T>>);

impl<T: Send + 'static> Blocking<T> {
    /// Wraps `value`.
    pub fn new(value: T) -> Self {
        Self(Arc::new(value.into()))
    }

    /// Runs `work` when earlier calls have ended. If the future is dropped, work that has begun goes on.
    ///
    /// # Errors
    ///
    /// Those of `work`, and when the runtime was shut down.
    pub async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut T) -> io::Result<R> + Send + 'static,
    ) -> io::Result<R> {
        let mut value = self.0.clone().lock_owned().await;
        let done = spawn_blocking(move || work(&mut value)).await;
        done.unwrap_or_else(|error| {
            Err(io::Error::other(match error.is_panic() {
                true => "the read or write panicked: look for the panic in the log",
                false => {
                    "the tokio runtime was shut down: unless the service is stopping, restart it"
                }
            }))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use tokio::time::timeout;

    use super::*;

    fn threads() -> usize {
        fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
    }

    #[tokio::test]
    async fn calls_that_wait_for_one_that_hangs_take_no_thread() {
        let blocking = Blocking::new(());
        let (end, hang) = std::sync::mpsc::channel::<()>();
        let hanging = blocking.run(move |()| hang.recv().map_err(io::Error::other));
        let (hanging, before) = (timeout(Duration::from_millis(1), hanging).await, threads());
        hanging.expect_err("it hangs");
        for _ in 0..100 {
            let waiting = timeout(Duration::from_millis(1), blocking.run(|()| Ok(())));
            waiting.await.expect_err("it waits");
        }
        assert!(threads() < before + 50);
        drop(end);
        blocking
            .run(|()| Ok(()))
            .await
            .expect("the first has ended");
    }
}
