//! Layers that check what a route requires of an authenticated caller.

mod future;
mod layers;
mod normal_form;
mod paths;
mod requirements;
mod service;

pub use future::GuardFuture;
pub use layers::{RequireMachineLayer, RequireScopeLayer};
pub use paths::ScopesByPath;
pub use service::Guard;
