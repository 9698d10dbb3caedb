//! Extractors and layers in real routers.

mod extract;
#[cfg(feature = "request-facts")]
mod facts;
mod rejection;
mod router;
mod support;
