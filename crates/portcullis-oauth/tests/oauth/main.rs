//! What authorization servers are sent.

#![cfg(feature = "client-auth")]

mod dpop;
mod mutual_tls;
