//! What must not compile.
//!
//! The cases are in `compile_fail/`, each with the compiler's words beside it. Those words change from one compiler to
//! the next, so they are compared on one version.

#[rustversion::attr(not(stable(1.95)), ignore = "the messages are those of rustc 1.95")]
#[test]
fn compile_fail() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
