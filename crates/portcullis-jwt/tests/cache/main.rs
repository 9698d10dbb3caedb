//! The cache of verified tokens, closely: at each level, at the edges of each limit, and beside a scheme without one.

mod alike;
mod answers;
mod issuers;
mod keys;
mod limits;
mod scene;
#[path = "../support/mod.rs"]
mod support;
mod times;
