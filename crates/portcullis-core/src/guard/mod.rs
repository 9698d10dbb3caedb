//! Layers that hold a known caller to what a route asks for.

mod demands;
mod future;
mod machine;
mod normal_form;
mod paths;
mod scope;

pub use future::GuardFuture;
pub use machine::{RequireMachine, RequireMachineLayer};
pub use paths::ScopesByPath;
pub use scope::{RequireScope, RequireScopeLayer};
