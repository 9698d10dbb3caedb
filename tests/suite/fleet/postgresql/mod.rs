//! Over one PostgreSQL.

mod changes;
mod crashes;
mod outages;
mod redis_server;
mod secrecy;
