//! The public behaviour of the crate, seen through real stacks.
//!
//! Tests that pin a requirement of a standard carry its id in front: `b4_…`.

mod bodies;
mod bounds;
mod by_path;
mod challenges;
mod credentials;
mod grpc;
mod guards;
mod hostile;
mod log;
mod modes;
mod parse;
mod pending;
mod readiness;
mod render;
mod schemes;
mod support;
