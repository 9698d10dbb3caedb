//! The public behaviour of the crate, seen through real stacks.
//!
//! The names of tests for a requirement of a standard begin with its id: `b4_…`.

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
