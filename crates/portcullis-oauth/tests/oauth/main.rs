//! Requests to authorization servers.

#![cfg(feature = "client-auth")]

mod dpop;
mod mutual_tls;
mod rejections;
