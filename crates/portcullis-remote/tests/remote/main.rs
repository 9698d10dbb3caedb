//! What the crate promises, against an issuer with every fault.

mod clocks;
mod connections;
mod discovery;
mod disk;
mod environment;
mod faults;
mod fixed;
mod https;
mod lifecycle;
mod log;
mod places;
mod refresh;
mod requests;
mod support;
mod wrong_issuer;
