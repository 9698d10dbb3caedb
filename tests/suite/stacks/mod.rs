//! The same layers in four stacks.
//!
//! `axum`, `hyper`, `tonic` and `buffered` each build one stack and send it the same table of cases (`cases`). Each other
//! module tests one subject in the stacks that it concerns. Servers listen on a free loopback port and stop with their
//! test.

mod axum;
mod buffered;
mod hyper;
mod tonic;

mod cors;
mod disconnects;
mod facts;
mod misconfigured;
mod networks;
mod optional;
mod routing;
mod shutdown;
mod streaming;
mod unread_body;
mod websocket;

mod cases;
mod client;
mod credentials;
mod gate;
mod gated_service;
mod logs;
mod request_counter;
mod scheme;
mod server;
mod timeouts;
