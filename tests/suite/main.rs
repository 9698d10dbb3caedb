//! End-to-end tests: whole flows, over real sockets.

mod attacks;
mod clients;
mod demonstration;
mod glewlwyd;
mod oidc_provider;
mod outages;
mod stacks;
