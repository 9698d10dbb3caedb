//! `portcullis token fetch` and `portcullis token revoke`, run as scripts run them.

mod authentication;
mod bound;
mod calls;
mod failures;
mod fetching;
mod files;
mod revocation;
mod support;
mod tls;
