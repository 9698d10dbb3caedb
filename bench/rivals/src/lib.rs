//! The suite beside the other crates of its field: the same tokens, the same process, one run.
//!
//! Every contender is a [`Rival`], in a file of its own under `contenders`; a [`Site`] is the issuer that all of them
//! trust. What a rival builds is a [`Target`]: it can be timed, asked for a verdict, and watched while it allocates.
//!
//! ```console
//! $ cargo run --release -p portcullis-bench-rivals --bin latency -- --quick --json latency.json
//! $ cargo run --release -p portcullis-bench-rivals --bin allocations
//! $ cargo run --release -p portcullis-bench-rivals --bin verdicts
//! ```
//!
//! `latency` takes about three minutes on two idle cores, half a minute with `--quick`, which is too short for figures
//! to be quoted. `--only NAME` measures those whose name contains it, beside the suite.

pub mod bare;
pub mod cases;
pub mod contenders;
pub mod function;
pub mod layered;
pub mod load;
pub mod report;
pub mod rows;
pub mod runs;
pub mod site;
pub mod stack;
pub mod target;

pub use contenders::{Absent, Built, Rival, rivals, with_several_issuers};
pub use load::Load;
pub use portcullis_bench_harness::Options;
pub use site::{AUDIENCE, Site};
pub use target::{Target, Through, Verdict};
