//! End-to-end tests: whole flows, over real sockets.

mod attacks;
mod demonstration;
mod oidc_provider;
mod outages;
mod stacks;
