//! Progress on a terminal.

use std::io;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on stderr. It shows nothing if stderr is not a terminal.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// `bytes` is the length of the input, if it is known.
    pub(super) fn of_bytes(bytes: Option<u64>) -> Self {
        let (bar, template) = match bytes {
            Some(bytes) => (
                ProgressBar::new(bytes),
                "{wide_bar} {bytes}/{total_bytes}, {eta} left, {msg}",
            ),
            None => (ProgressBar::no_length(), "{spinner} {bytes}, {msg}"),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// `bytes` more are done.
    pub(super) fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    pub(super) fn say(&self, text: String) {
        self.0.set_message(text);
    }

    /// Prints while the bar is hidden.
    pub(super) fn print(&self, print: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        self.0.suspend(print)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
