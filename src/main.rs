//! From the words of the command line to a face, and from there to an exit code.

use std::process::ExitCode;

use clap::Parser;
use tributary::{
    app::{self, Problem, Running},
    cli::{self, Cli},
    config::{self, Overrides},
    engine::Engine,
    log::{self, LevelFilter},
};

/// An event is made of small pieces of memory that are taken by one thread and given back by another, and the SDK takes
/// many a call: this allocator is made for that (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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

/// The desktop app. What prevents a start is shown in the window, where it can be mended and tried again.
fn window(places: &cli::Places) -> anyhow::Result<bool> {
    // What it does is in the window; what went wrong is for whoever started it, too.
    let _flush = log::start(LevelFilter::WARN);
    let places = places.clone();
    app::run(move || start(&places))?;
    Ok(true)
}

fn start(places: &cli::Places) -> Result<Running, Problem> {
    let loaded = places.load(&Overrides::default()).map_err(|error| settings_problem(&error))?;
    let paths = places.paths(&loaded).map_err(|error| settings_problem(&error))?;
    let (config_path, data_dir, held) = (loaded.path, paths.data_dir.clone(), loaded.held);
    let engine = Engine::start_heeding_signals(loaded.config, paths).map_err(|error| Problem {
        title: "Tributary could not start".to_owned(),
        details: anyhow::Error::from(error).chain().map(ToString::to_string).collect(),
    })?;
    Ok(Running { engine, config_path, data_dir, held })
}

fn settings_problem(error: &config::Error) -> Problem {
    let mut details: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
    if details.is_empty() {
        details.push(error.to_string());
    }
    Problem { title: "The settings cannot be used".to_owned(), details }
}

/// The one line that says what failed.
fn complain(error: &anyhow::Error) {
    log::last_words(&format!("tributary: {error:#}"));
}
