//! The store over SQLite and PostgreSQL alike.

mod crash;
mod fixture;
mod manager;
mod million;
mod postgresql;
mod sqlite;
mod suite;
