//! What is measured, whatever it is made of.

use std::fmt;

use http::HeaderMap;
use portcullis_bench_harness::Contender;
use tokio::runtime::Runtime;

use crate::Load;

/// The way to a rival's check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    /// Its layer around a service that costs nothing.
    Tower,
    /// Its layer or extractor in an axum `Router` of one route.
    Axum,
    /// A function of the token, without HTTP.
    Function,
}

impl Through {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Tower, Self::Axum, Self::Function];
}

impl fmt::Display for Through {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tower => "tower",
            Self::Axum => "axum",
            Self::Function => "function",
        })
    }
}

/// What became of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The status of the response.
    Status(u16),
    /// The function accepted the token.
    Pass,
    /// The function refused it.
    Refuse,
    /// It panicked.
    Panic,
    /// There was no answer within seconds.
    Hang,
}

impl Verdict {
    /// Whether the request got through.
    #[must_use]
    pub const fn is_accepted(self) -> bool {
        matches!(self, Self::Status(200) | Self::Pass)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => f.pad(&status.to_string()),
            Self::Pass => f.pad("pass"),
            Self::Refuse => f.pad("refuse"),
            Self::Panic => f.pad("panic"),
            Self::Hang => f.pad("hang"),
        }
    }
}

/// A stack or a function, ready for requests.
pub trait Target {
    /// Itself as one that is timed, fed with what `load` gives.
    fn contender(&self, name: String, load: Load) -> Contender;

    /// What it says to a request with these headers. It may wait.
    fn verdict(&mut self, runtime: &Runtime, headers: &HeaderMap) -> Verdict;

    /// Makes a request with these headers, and the call within `watch`.
    ///
    /// # Panics
    /// If the service waits.
    fn watched(&mut self, headers: &HeaderMap, watch: &mut dyn FnMut(&mut dyn FnMut()));
}
