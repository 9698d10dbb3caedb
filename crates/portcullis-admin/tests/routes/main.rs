//! The routes, over a store in memory.

mod create;
mod description;
mod errors;
mod introspect;
mod list;
mod logs;
mod owners;
mod rotate_and_revoke;
mod support;
