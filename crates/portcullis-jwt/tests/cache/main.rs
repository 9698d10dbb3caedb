//! The cache of verified tokens: each level, the edges of each limit, and a comparison with a scheme without a cache.

mod alike;
mod answers;
mod issuers;
mod keys;
mod limits;
mod rejected;
mod scene;
#[path = "../support/mod.rs"]
mod support;
mod times;
