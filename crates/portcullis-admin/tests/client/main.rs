//! The store that asks another service, against real servers on loopback.

mod answers;
mod credentials;
mod foreign;
mod outages;
mod support;
