//! The layer that authenticates requests.

mod future;
mod layer;
mod service;
mod settings;

pub use future::AuthenticateFuture;
pub use layer::{AuthenticateLayer, IntoSchemes};
pub use service::Authenticate;
