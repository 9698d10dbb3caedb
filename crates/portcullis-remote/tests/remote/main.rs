//! The behaviour of the crate against an issuer with every fault.

mod clocks;
mod connections;
mod discovery;
mod disk;
mod endpoints;
mod environment;
mod faults;
mod fixed;
mod http_requests;
mod https;
mod lifecycle;
mod log;
mod printed_urls;
mod refresh;
mod support;
mod unknown_keys;
mod wrong_issuer;
