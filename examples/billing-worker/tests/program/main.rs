//! The program, run as a process.

mod calls;
mod demonstration;
mod files;
mod rotation;
mod secrecy;
mod worker;
