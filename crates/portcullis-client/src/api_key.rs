//! An API key to send, which may be replaced while clients use it.

use std::{
    convert::Infallible,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use http::HeaderValue;
use portcullis_core::{
    ConfigError, Secret,
    clock::{Deadline, system_clock},
};
use portcullis_file::{MAX_CREDENTIAL_BYTES, WatchedFile};
use portcullis_oauth::{Blocking, http::secret_header};
use portcullis_worker::{Death, State, Task, Worker, current_runtime};
use zeroize::Zeroizing;

use crate::error::end_of_task;

const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The API key that an [`AddApiKeyLayer`](crate::AddApiKeyLayer) sends. It can be replaced while clients use it. Clones
/// share it, and `Debug` does not show it.
#[derive(Clone)]
pub struct ApiKeySource {
    value: Arc<ArcSwap<HeaderValue>>,
    watch: Option<Worker<WatchState>>,
}

impl ApiKeySource {
    /// Sends this key until it is [replaced](Self::replace).
    ///
    /// # Errors
    ///
    /// When the key is empty or has characters that a header cannot carry.
    pub fn new(key: &Secret) -> Result<Self, ConfigError> {
        let value = header_value(key.expose()).map_err(|why| ConfigError::new("key", why))?;
        Ok(Self {
            value: Arc::new(ArcSwap::from_pointee(value)),
            watch: None,
        })
    }

    /// Sends the key in a file of at most 64 KiB, without white space around it. The file is read now, blocking the
    /// thread, and then every second by a task on the current runtime, which must have its time driver enabled.
    ///
    /// While the file is missing or invalid, or was replaced behind a mount of the file itself, the previous key remains in
    /// use, and [`problem`](Self::problem) and the log report it. Replace the file by renaming another one over it.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or holds no valid key, or outside a tokio runtime.
    pub fn watch(path: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        let runtime = current_runtime("ApiKeySource::watch")?;
        let mut file = WatchedFile::new("file of an API key to send", path, MAX_CREDENTIAL_BYTES);
        let first = read(&mut file).map_err(|why| ConfigError::new("key", why.to_string()))?;
        let value = Arc::new(ArcSwap::from_pointee(first.clone()));
        let state = WatchState {
            path: file.path().into(),
            problem: None,
        };
        let (worker, task) = Worker::new(state, system_clock(), runtime);
        let published = value.clone();
        task.spawn(|task| follow_file(task, file, first, published));
        Ok(Self {
            value,
            watch: Some(worker),
        })
    }

    /// Sends this key from the next request on. If a file is watched, its next change replaces this key.
    ///
    /// # Errors
    ///
    /// When the key is empty or has characters that a header cannot carry. The previous key remains in use.
    pub fn replace(&self, key: &Secret) -> Result<(), ConfigError> {
        let value = header_value(key.expose()).map_err(|why| ConfigError::new("key", why))?;
        self.value.store(Arc::new(value));
        Ok(())
    }

    /// Why the last read of the file failed, or why the watch stopped. The key may then be outdated.
    pub fn problem(&self) -> Option<String> {
        self.watch.as_ref()?.state().problem.clone()
    }

    /// The value of the header, marked as sensitive, for clients that [`AddApiKeyLayer`](crate::AddApiKeyLayer) cannot wrap. The
    /// caller must check where it sends it.
    #[inline]
    pub fn value(&self) -> HeaderValue {
        HeaderValue::clone(&self.value.load())
    }
}

fn header_value(key: &[u8]) -> Result<HeaderValue, &'static str> {
    match secret_header(Zeroizing::new(key.to_vec())) {
        _ if key.is_empty() => Err("the API key to send is empty: give the whole key"),
        Ok(value) if key.iter().all(u8::is_ascii_graphic) => Ok(value),
        _ => Err(
            "the API key to send has characters other than visible ASCII, such as a space or a line break: give the key alone",
        ),
    }
}

impl fmt::Debug for ApiKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeySource")
            .field("problem", &self.problem())
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct WatchState {
    path: Arc<Path>,
    problem: Option<String>,
}

impl State for WatchState {
    /// The only event is the end of the task.
    type Event = Death;

    fn died(&mut self, death: Death) -> Death {
        let (path, cause) = (self.path.display(), end_of_task(death));
        let problem = format!("the watch of the file {path} stopped because {cause}");
        self.problem = Some(problem);
        death
    }

    fn log(&self, death: &Death) {
        let why = self.problem.as_deref();
        match death {
            Death::Panicked => tracing::error!(why, "API key to send no longer follows its file"),
            // Usual when a process ends.
            _ => tracing::warn!(why, "API key to send no longer follows its file"),
        }
    }
}

/// `last` is the key that was last read from the file. A key set by `replace` stays until the file changes.
async fn follow_file(
    task: Task<WatchState>,
    file: WatchedFile,
    mut last: HeaderValue,
    value: Arc<ArcSwap<HeaderValue>>,
) -> Infallible {
    let path = file.path().to_owned();
    let file = Blocking::new(file);
    loop {
        task.pause(Deadline::after(task.now(), CHECK_INTERVAL))
            .await;
        let key = file.run(read).await;
        if let Ok(key) = &key
            && last != *key
        {
            last.clone_from(key);
            value.store(Arc::new(last.clone()));
            tracing::info!(path = %path.display(), "API key to send replaced");
        }
        let problem = key.err().map(|error| error.to_string());
        if problem == task.state().problem {
            continue;
        }
        task.update(|state| state.problem.clone_from(&problem));
        match problem {
            Some(why) => {
                tracing::warn!(
                    "API key to send cannot be read, so the previous key remains in use until this is corrected: {why}"
                );
            }
            None => {
                tracing::info!(path = %path.display(), "file of the API key to send is usable again")
            }
        }
    }
}

fn read(file: &mut WatchedFile) -> io::Result<HeaderValue> {
    let key = file.read().and_then(|contents| {
        contents.reject_detached()?;
        header_value(contents.bytes().trim_ascii()).map_err(io::Error::other)
    });
    let path = file.path().display();
    key.map_err(|why| io::Error::other(format!("cannot use the file {path}: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_with_characters_illegal_in_a_header_is_rejected() {
        let source = ApiKeySource::new(&Secret::new("s3cr3t")).expect("a key");
        for bad in ["", "key\n", "a key", "schlüssel"] {
            let error = ApiKeySource::new(&Secret::new(bad)).expect_err(bad);
            assert_eq!(error.setting(), "key");
            assert!(source.replace(&Secret::new(bad)).is_err());
        }
        assert_eq!(source.value(), "s3cr3t");
        assert!(source.value().is_sensitive());
        assert!(!format!("{source:?}").contains("s3cr3t"));
    }

    #[test]
    fn watch_outside_a_runtime_is_an_error() {
        let error = ApiKeySource::watch("/nonexistent/key").expect_err("none");
        assert_eq!(error.setting(), "ApiKeySource::watch");
    }

    /// Advances the clock by seconds until the condition holds.
    async fn until(mut condition: impl FnMut() -> bool) {
        for _ in 0..1_000_000 {
            if condition() {
                return;
            }
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        panic!("the condition never holds");
    }

    #[tokio::test(start_paused = true)]
    async fn watched_key_follows_its_file_and_outlives_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        let error = ApiKeySource::watch(&path).expect_err("no file");
        assert_eq!(error.setting(), "key");
        assert!(error.problem().contains("key: "), "{error}");

        std::fs::write(&path, "f1rst\n").expect("written");
        let source = ApiKeySource::watch(&path).expect("a key");
        assert_eq!(source.value(), "f1rst");
        std::fs::write(&path, "s3c0nd\n").expect("written");
        until(|| source.value() == "s3c0nd").await;
        assert!(source.value().is_sensitive());

        for (content, why) in [("\n", "is empty"), ("two keys", "visible ASCII")] {
            std::fs::write(&path, content).expect("written");
            until(|| {
                source
                    .problem()
                    .is_some_and(|problem| problem.contains(why))
            })
            .await;
        }
        std::fs::remove_file(&path).expect("removed");
        until(|| {
            source
                .problem()
                .is_some_and(|problem| !problem.contains("visible ASCII"))
        })
        .await;
        assert_eq!(source.value(), "s3c0nd", "the previous key remains in use");
        std::fs::write(&path, "th1rd").expect("written");
        until(|| source.problem().is_none()).await;
        assert_eq!(source.value(), "th1rd");

        let replaced = Secret::new("by-h4nd");
        source.replace(&replaced).expect("a key");
        std::fs::write(&path, "").expect("written");
        until(|| source.problem().is_some()).await;
        std::fs::write(&path, "th1rd").expect("written");
        until(|| source.problem().is_none()).await;
        assert_eq!(source.value(), "by-h4nd", "the file has not changed");
        std::fs::write(&path, "f0urth").expect("written");
        until(|| source.value() == "f0urth").await;

        let value = Arc::downgrade(&source.value);
        drop(source);
        until(|| value.strong_count() == 0).await;
    }

    /// A path that leads to the same file after a rename, as a mount of that file does.
    #[cfg(target_os = "linux")]
    #[tokio::test(start_paused = true)]
    async fn replaced_mounted_file_is_a_problem() {
        use std::os::fd::AsRawFd;

        let folder = tempfile::tempdir().expect("a folder");
        let (path, next) = (folder.path().join("key"), folder.path().join("next"));
        std::fs::write(&path, "f1rst").expect("written");
        let mounted = std::fs::File::open(&path).expect("opened");
        let held = format!("/proc/self/fd/{}", mounted.as_raw_fd());
        let source = ApiKeySource::watch(held).expect("a key");
        std::fs::write(&next, "s3c0nd").expect("written");
        std::fs::rename(&next, &path).expect("replaced");
        let names_cause = |problem: String| problem.contains("mount its directory");
        until(|| source.problem().is_some_and(names_cause)).await;
        assert_eq!(source.value(), "f1rst", "the previous key remains in use");
    }

    #[test]
    fn ended_watch_is_a_problem() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        std::fs::write(&path, "f1rst").expect("written");
        for has_time in [true, false] {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            if has_time {
                runtime.enable_time();
            }
            let runtime = runtime.build().expect("a runtime");
            let source = runtime.block_on(async {
                let source = ApiKeySource::watch(&path).expect("a key");
                tokio::task::yield_now().await;
                source
            });
            assert_eq!(source.problem().is_none(), has_time, "{source:?}");
            drop(runtime);
            let problem = source.problem().expect("the watch has ended");
            assert!(problem.contains("stopped because"), "{problem}");
            assert_eq!(source.value(), "f1rst");
        }
    }
}
