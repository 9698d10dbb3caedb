//! A small orders service, guarded by Portcullis: the one to try first.

use std::process::ExitCode;

use clap::Parser;
use orders_api::{Args, run, run_program};

fn main() -> ExitCode {
    let args = Args::parse();
    run_program("info", async {
        run(args).await?;
        Ok(ExitCode::SUCCESS)
    })
}
