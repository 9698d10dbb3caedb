//! The log of a test's thread.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use tracing::{Dispatch, subscriber::DefaultGuard};
use tracing_subscriber::registry;

/// Captures the log of this thread until it is dropped.
pub(crate) struct Log {
    text: Text,
    _guard: DefaultGuard,
    /// With a single dispatcher, tracing caches the interest of the thread that logs first.
    _another: Dispatch,
}

#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn install() -> Self {
        let text = Text::default();
        let writer = text.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        Self {
            text,
            _another: Dispatch::new(registry()),
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// The text that was logged since the last call.
    pub(crate) fn take(&self) -> String {
        let mut text = self.text.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(std::mem::take(&mut *text)).expect("text")
    }
}

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
