//! Extractors and layers in real routers.

mod extract;
#[cfg(feature = "axum")]
mod facts;
#[cfg(feature = "axum")]
mod log;
mod rejection;
mod router;
mod support;
