//! End-to-end tests: whole flows, over real sockets.

mod oidc_provider;
mod stacks;
