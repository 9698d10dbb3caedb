//! An API key to send, which may change.

mod watch;

use std::{
    borrow::Cow,
    convert::Infallible,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use arc_swap::ArcSwap;
use http::HeaderValue;
use portcullis_core::{ConfigError, Secret};
use portcullis_file::{UNLINKED, WatchedFile};
use tokio::sync::oneshot;

use self::watch::Watch;
use crate::{
    runtime::current_runtime,
    secret_header::{joined, secret_header},
};

/// The API key that an [`AddApiKeyLayer`](crate::AddApiKeyLayer) sends. It can be replaced while clients use it.
///
/// Clones share the key. `Debug` does not show it.
///
/// ```
/// use portcullis_client::ApiKeySource;
/// use portcullis_core::Secret;
///
/// let key = ApiKeySource::new(&Secret::new("acme_4fzzzxjylrx"))?;
/// // From a vault, some day:
/// key.replace(&Secret::new("acme_9xkqzmwbttd"))?;
/// # Ok::<_, portcullis_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct ApiKeySource(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    /// Closed when this is dropped, which ends the watch.
    _stop: Option<oneshot::Sender<Infallible>>,
}

struct Shared {
    value: ArcSwap<HeaderValue>,
    /// Why the file could not be read when it was last looked at.
    problem: Mutex<Option<String>>,
}

impl ApiKeySource {
    /// This key, until it is [replaced](Self::replace).
    ///
    /// # Errors
    ///
    /// When the key is empty or has characters that a header cannot carry.
    pub fn new(key: &Secret) -> Result<Self, ConfigError> {
        let shared = Shared::new(header_value(key.expose()).map_err(problem)?);
        Ok(Self(Arc::new(Handle {
            shared,
            _stop: None,
        })))
    }

    /// The key in a file of at most 64 KiB, which is read now, and again every second by a task on the runtime that this
    /// is called on (which needs tokio's time). White space around the key is left off.
    ///
    /// While the file is gone or holds no key, or was replaced behind a mount of the file itself, the key that was read before is sent, and [`problem`](Self::problem) and the
    /// log say so. Replace the file by renaming another, so that it is never read half written.
    ///
    /// Dropping the last clone ends the task.
    ///
    /// # Errors
    ///
    /// When the file cannot be read now or holds no key, or there is no tokio runtime to run on. It blocks while it reads.
    pub fn watch(path: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        let runtime = current_runtime("watch")?;
        let mut file = KeyFile::new(path.into());
        let value = file.read().map_err(problem)?;
        let shared = Shared::new(value.clone());
        let (stop, stopped) = oneshot::channel();
        let watch = Watch {
            file: Arc::new(Mutex::new(file)),
            last: value,
            shared: shared.clone(),
            stop: stopped,
        };
        drop(runtime.spawn(watch.run()));
        Ok(Self(Arc::new(Handle {
            shared,
            _stop: Some(stop),
        })))
    }

    /// Sends this key from the next request on; a client that is not called keeps the one before in memory. One that is
    /// watched in a file is replaced in turn when the file changes.
    ///
    /// # Errors
    ///
    /// When the key is empty or has characters that a header cannot carry; the one before is sent on.
    pub fn replace(&self, key: &Secret) -> Result<(), ConfigError> {
        let value = header_value(key.expose()).map_err(problem)?;
        self.0.shared.value.store(Arc::new(value));
        Ok(())
    }

    /// Why the file could not be read when it was last looked at, or is not looked at any more, if so: the key that was read
    /// before may be an old one.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.0.shared.problem().clone()
    }

    #[inline]
    pub(crate) fn value(&self) -> HeaderValue {
        HeaderValue::clone(&self.0.shared.value.load())
    }
}

impl Shared {
    fn new(value: HeaderValue) -> Arc<Self> {
        Arc::new(Self {
            value: ArcSwap::from_pointee(value),
            problem: Mutex::default(),
        })
    }

    fn problem(&self) -> MutexGuard<'_, Option<String>> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file of a key.
struct KeyFile {
    file: WatchedFile,
}

impl KeyFile {
    fn new(path: PathBuf) -> Self {
        const MAX_BYTES: u64 = 64 * 1024;

        Self {
            file: WatchedFile::new("file of an API key to send", path, MAX_BYTES),
        }
    }

    fn read(&mut self) -> Result<HeaderValue, String> {
        let contents = self.file.read();
        let told =
            |why: &dyn fmt::Display| format!("the file {}: {why}", self.file.path().display());
        let contents = contents.map_err(|error| told(&error))?;
        if contents.is_unlinked() {
            return Err(told(&UNLINKED));
        }
        header_value(contents.bytes().trim_ascii()).map_err(|why| told(&why))
    }
}

fn header_value(key: &[u8]) -> Result<HeaderValue, &'static str> {
    if key.is_empty() {
        return Err("it is empty: put the key there, and nothing else");
    }
    if !key.iter().all(|byte| matches!(byte, 0x21..=0x7e)) {
        return Err(
            "it has characters that no key has, such as a space or a line break: put the key there, and nothing else",
        );
    }
    secret_header(joined(&[key])).map_err(|_| "a header cannot carry it")
}

fn problem(problem: impl Into<Cow<'static, str>>) -> ConfigError {
    ConfigError::new("key", problem)
}

impl fmt::Debug for ApiKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeySource")
            .field("problem", &self.problem())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_key_that_no_header_carries_is_told() {
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
    fn a_watch_needs_a_runtime() {
        let error = ApiKeySource::watch("/nonexistent/key").expect_err("none");
        assert_eq!(error.setting(), "watch");
    }

    /// Lets seconds pass until it is so.
    async fn until(mut is_so: impl FnMut() -> bool) {
        for _ in 0..1_000_000 {
            if is_so() {
                return;
            }
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        panic!("it never is");
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_in_a_file_is_followed_and_outlives_it() {
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

        for (content, why) in [("\n", "it is empty"), ("two keys", "no key has")] {
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
                .is_some_and(|problem| !problem.contains("no key has"))
        })
        .await;
        assert_eq!(source.value(), "s3c0nd", "it serves on");
        std::fs::write(&path, "th1rd").expect("written");
        until(|| source.problem().is_none()).await;
        assert_eq!(source.value(), "th1rd");

        let replaced = Secret::new("by-h4nd");
        source.replace(&replaced).expect("a key");
        std::fs::write(&path, "").expect("written");
        until(|| source.problem().is_some()).await;
        std::fs::write(&path, "th1rd").expect("written");
        until(|| source.problem().is_none()).await;
        assert_eq!(source.value(), "by-h4nd", "the file is as it was");
        std::fs::write(&path, "f0urth").expect("written");
        until(|| source.value() == "f0urth").await;

        let shared = Arc::downgrade(&source.0.shared);
        drop(source);
        until(|| shared.strong_count() == 0).await;
    }

    /// A path that keeps leading to the same file, as a mount of that file does.
    #[cfg(target_os = "linux")]
    #[tokio::test(start_paused = true)]
    async fn a_mounted_file_that_was_replaced_is_told() {
        use std::os::fd::AsRawFd;

        let folder = tempfile::tempdir().expect("a folder");
        let (path, next) = (folder.path().join("key"), folder.path().join("next"));
        std::fs::write(&path, "f1rst").expect("written");
        let mounted = std::fs::File::open(&path).expect("opened");
        let held = format!("/proc/self/fd/{}", mounted.as_raw_fd());
        let source = ApiKeySource::watch(held).expect("a key");
        std::fs::write(&next, "s3c0nd").expect("written");
        std::fs::rename(&next, &path).expect("replaced");
        let is_told = |problem: String| problem.contains("mount its directory");
        until(|| source.problem().is_some_and(is_told)).await;
        assert_eq!(source.value(), "f1rst", "it serves on");
    }

    #[test]
    fn a_watch_that_ends_before_its_source_is_told() {
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
            let problem = source.problem().expect("it has ended");
            assert!(problem.contains("any more"), "{problem}");
            assert_eq!(source.value(), "f1rst");
        }
    }
}
