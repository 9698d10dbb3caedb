//! Layers that check what a route requires of an authenticated caller.

mod future;
mod machine;
mod normal_form;
mod paths;
mod requirements;
mod scope;
mod service;

pub use future::GuardFuture;
pub use machine::RequireMachineLayer;
pub use paths::ScopesByPath;
pub use scope::RequireScopeLayer;
pub use service::Guard;
