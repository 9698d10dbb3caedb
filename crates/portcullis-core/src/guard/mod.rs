//! Layers that check what a route requires of an authenticated caller.

mod future;
mod layer;
mod normal_form;
mod paths;
mod requirements;

pub use future::GuardFuture;
pub use layer::{Guard, RequireMachineLayer, RequireScopeLayer};
pub use paths::ScopesByPath;
