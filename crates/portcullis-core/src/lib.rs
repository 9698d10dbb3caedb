//! The request path of Portcullis.
//!
//! A service adds one [`AuthenticateLayer`], built from one or more [`Scheme`]s. From then on every request carries
//! an [`Authentication`]: anonymous, or a [`Principal`] that says which machine is calling and which [`Scope`]s it
//! was granted. [`RequireScopeLayer`] and [`RequireMachineLayer`] hold routes to them.
//!
//! Everything here is generic over bodies, needs no runtime, and takes the time from a [`Clock`]. The crate knows no
//! credential format: those live in `portcullis-jwt` and `portcullis-api-key`, behind [`Scheme`].
//!
//! The order of a request through the files: `authenticate/service.rs` → `chain.rs` → a scheme → `principal.rs` →
//! `guard/`; whatever refuses it becomes a response in `refusal.rs`, and nowhere else.

mod authenticate;
mod authentication;
mod body;
mod chain;
mod challenge;
mod clock;
mod deadline;
mod error;
mod escape;
mod escape_url;
mod facts;
mod failure;
mod guard;
mod offer;
mod policy;
mod principal;
mod refusal;
mod refusal_log;
mod scheme;
mod scope;
mod secret;

pub use authenticate::{Authenticate, AuthenticateFuture, AuthenticateLayer, IntoSchemes};
pub use authentication::{Anonymous, Authentication};
pub use body::GuardBody;
pub use challenge::Challenge;
pub use clock::{Clock, SharedClock, SystemClock, UnixTime, system_clock};
pub use deadline::{ClockOffset, Deadline, Moment};
pub use error::{ConfigError, debug_as_report};
pub use escape::{escape, escape_to, mask};
pub use escape_url::escape_url;
pub use facts::{Facts, OriginalTarget, PeerAddress, RouteTemplate};
pub use failure::{Failure, FailureKind};
pub use guard::{
    GuardFuture, RequireMachine, RequireMachineLayer, RequireScope, RequireScopeLayer, ScopesByPath,
};
pub use policy::{ScopePolicy, ScopeRequirement};
pub use principal::{Principal, PrincipalBuilder, PrincipalKind};
pub use refusal::{Refusal, RefusedRequest, RenderedBody};
pub use scheme::{
    CredentialSource, Head, Outcome, PendingOutcome, Presence, Scheme, authorization_credentials,
    authorization_presented, check_credentials,
};
pub use scope::{InvalidScope, Scope, ScopeSet};
pub use secret::Secret;
