//! The same layers in four stacks, and what HTTP does around them.
//!
//! `axum`, `hyper`, `tonic` and `buffered` each set up one stack and put the same table of cases to it (`cases`). The
//! other modules take one matter each, in the stack where it shows. Servers listen on a free port of the loopback and
//! end with the test that started them.

mod cases;
mod client;
mod credentials;
mod gate;
mod scheme;
mod server;

mod axum;
mod buffered;
mod hyper;
mod tonic;
