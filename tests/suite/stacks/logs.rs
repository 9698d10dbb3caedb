//! The log of a test's thread.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt;

/// Captures the log of this thread, on which a `#[tokio::test]` runs its server too.
pub(super) struct Logs {
    lines: Sink,
    _until_dropped: DefaultGuard,
}

impl Logs {
    pub(super) fn record() -> Self {
        let lines = Sink::default();
        let sink = lines.clone();
        let subscriber = fmt()
            .with_writer(move || sink.clone())
            .with_ansi(false)
            .finish();
        Self {
            lines,
            _until_dropped: tracing::subscriber::set_default(subscriber),
        }
    }

    /// The lines since the last call.
    pub(super) fn take(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.lines.0.lock().expect("no panic while writing"));
        let text = String::from_utf8(bytes).expect("text");
        text.lines().map(str::to_owned).collect()
    }
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic while writing").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
