//! `portcullis token fetch` and `portcullis token revoke`.

mod authentication;
mod bound;
mod calls;
#[path = "../support/mod.rs"]
mod command;
mod failures;
mod fetching;
mod files;
mod revocation;
mod support;
mod tls;
