//! Code that must not compile.
//!
//! The cases are in `compile_fail/`, each with the compiler's message. Messages change between compiler versions, so one
//! version is compared. Empty policies fail only in a full build, so those are doc tests.

#[rustversion::attr(not(stable(1.95)), ignore = "the messages are those of rustc 1.95")]
#[test]
fn compile_fail() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
