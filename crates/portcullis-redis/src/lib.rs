//! API keys over Redis, or a server that speaks its protocol, such as Valkey.
//!
//! - [`RedisBus`] tells all instances of a service at once that keys have changed. It works with any store.
//! - [`RedisLimiter`] counts requests for all instances together.
//!
//! Both need a [`RedisServer`], and neither stores a key, a digest or a secret there.
//!
//! ```no_run
//! use portcullis_api_key::{ApiKeys, Limit, MemoryStore};
//! use portcullis_core::Secret;
//! use portcullis_redis::{RedisLimiter, RedisServer};
//! use std::time::Duration;
//!
//! # async fn f() -> Result<(), Box<dyn std::error::Error>> {
//! let password = Secret::new(std::fs::read("/run/secrets/redis")?);
//! let server = RedisServer::at("rediss://redis.example.com")?.password(password)?;
//! let limiter = RedisLimiter::builder(server).instances(3).start().await?;
//! let keys = ApiKeys::builder(MemoryStore::new())
//!     .limiter(limiter)
//!     .key_limit(Limit::new(100, Duration::from_secs(60))?)
//!     .build()?;
//! # Ok(())
//! # }
//! ```

mod bus;
mod limiter;
mod server;

pub use bus::RedisBus;
pub use limiter::{RedisLimiter, RedisLimiterBuilder, RedisLimiterStatus};
pub use server::RedisServer;

/// The prefix of channels and keys, if no other is set.
const DEFAULT_PREFIX: &str = "portcullis";
