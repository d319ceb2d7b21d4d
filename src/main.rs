//! From the words of the command line to a face, and from there to an exit code.

use std::process::ExitCode;

use clap::Parser;
use tributary::cli::{self, Cli};

fn main() -> ExitCode {
    let words = Cli::parse();
    let places = words.places();
    let done = match words.command {
        Some(command) => cli::run(command, &places),
        None => window(&places),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn window(_places: &cli::Places) -> anyhow::Result<bool> {
    anyhow::bail!("no window yet")
}

#[expect(clippy::print_stderr, reason = "the one line that says what failed")]
fn complain(error: &anyhow::Error) {
    eprintln!("tributary: {error:#}");
}
