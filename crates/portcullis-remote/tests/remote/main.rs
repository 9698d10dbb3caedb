//! What the crate promises, against an issuer with every fault.

mod clocks;
mod discovery;
mod disk;
mod dpop;
mod environment;
mod faults;
mod fixed;
mod https;
mod lifecycle;
mod mutual_tls;
mod refresh;
mod requests;
mod support;
