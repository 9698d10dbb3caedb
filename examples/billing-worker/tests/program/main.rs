//! The program as its users run it.

mod calls;
mod demonstration;
mod rotation;
mod worker;
