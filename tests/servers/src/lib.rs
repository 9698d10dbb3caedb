//! Private PostgreSQL and Redis servers for tests. They need no set-up: `cargo xtask test` installs the programs.
//!
//! Each server listens on a free loopback port and keeps its data in a temporary folder. Dropping it stops it and removes
//! the folder. The same happens when the test process ends without dropping it, also when it is killed.
//!
//! The functions block the calling thread, and panic with the reason when the server does not do what a test asks for.

mod database;
mod folder;
mod postgresql;
mod process;
mod redis;

pub use database::Database;
pub use postgresql::PostgreSql;
pub use redis::Redis;
