//! The suite beside other crates that check incoming requests: the same tokens, in one process and one run.
//!
//! ```console
//! $ cargo run --release -p portcullis-bench-incoming --bin latency -- --quick
//! $ cargo run --release -p portcullis-bench-incoming --bin verdicts
//! ```

pub mod cases;
pub mod check;
pub mod contenders;
pub mod site;

/// Why a contender could not be set up.
pub type Error = Box<dyn std::error::Error>;
