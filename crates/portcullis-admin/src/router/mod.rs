//! Manages keys over HTTP.

mod actor;
mod admin;
mod body;
mod duration;
mod guard;
mod idempotency;
mod openapi;
mod problem;
mod routes;
mod schema;
mod scopes;
mod view;
mod whole;

pub use self::{
    admin::KeyAdmin,
    scopes::{ADMIN_KEYS, INTROSPECT_KEYS, READ_KEYS, WRITE_KEYS},
};
