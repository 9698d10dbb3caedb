//! The request path of Portcullis.
//!
//! A service adds one [`AuthenticateLayer`], built from one or more [`Scheme`](scheme::Scheme)s. Each request then
//! carries an [`Authentication`] in its extensions: anonymous, or a [`Principal`] that says which machine is calling and
//! which [`Scope`]s it was granted. [`RequireScopeLayer`] and [`RequireMachineLayer`] guard routes by it.
//!
//! The crate is generic over bodies, needs no runtime and reads the time from a [`Clock`](clock::Clock). Credential
//! formats live in `portcullis-jwt` and `portcullis-api-key`, behind [`Scheme`](scheme::Scheme).

mod authenticate;
mod authentication;
mod body;
mod challenge;
pub mod clock;
mod error;
pub mod facts;
mod failure;
mod guard;
mod lock;
pub mod log;
mod policy;
mod principal;
mod refusal;
mod refusal_log;
pub mod scheme;
mod schemes;
mod scope;
mod scope_requirement;
mod secret;

pub use authenticate::AuthenticateLayer;
pub use authentication::{Anonymous, Authentication};
pub use error::{ConfigError, debug_as_report};
pub use failure::FailureKind;
pub use guard::{RequireMachineLayer, RequireScopeLayer, ScopesByPath};
pub use lock::lock;
pub use policy::ScopePolicy;
pub use principal::{Principal, PrincipalKind};
pub use refusal::{Refusal, RenderedBody};
pub use scope::{Scope, ScopeSet};
pub use scope_requirement::ScopeRequirement;
pub use secret::Secret;

/// The services, futures and bodies behind the layers.
pub mod service {
    pub use crate::{
        authenticate::{Authenticate, AuthenticateFuture, IntoSchemes},
        body::GuardBody,
        guard::{Guard, GuardFuture},
    };
}
