//! End-to-end tests: whole flows, over real sockets.

mod demonstration;
mod oidc_provider;
mod stacks;
