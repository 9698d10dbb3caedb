//! The layers that add credentials to requests.

pub(crate) mod api_key;
pub(crate) mod error;
pub(crate) mod future;
pub(crate) mod service;
