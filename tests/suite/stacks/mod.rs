//! The same layers in four stacks, and what HTTP does around them.
//!
//! `axum`, `hyper`, `tonic` and `buffered` each set up one stack and put the same table of cases to it (`cases`). The
//! other modules take one matter each, in the stacks where it shows. Servers listen on a free port of the loopback and
//! end with the test that started them.

mod axum;
mod buffered;
mod hyper;
mod tonic;

mod cors;
mod facts;
mod leaving;
mod optional;
mod routing;
mod shutdown;
mod streaming;
mod unguarded;
mod unread_body;
mod websocket;

mod alive;
mod cases;
mod client;
mod credentials;
mod gate;
mod logs;
mod patience;
mod scheme;
mod server;
mod waiting;
