//! From the command line to a face, and from there to an exit code.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::ExitCode,
};

use clap::Parser;
use tributary::{
    app::{self, Offer, Problem, Running},
    cli::{self, Cli, Locations},
    config::{self, Config, Origin, Overrides},
    engine::{Engine, RunningEngine, StartError},
    event::shown,
    log::{self, LevelFilter},
    spool::OpenError,
};

/// Maximum ports to try, after the one in the settings, until one is free.
const PORTS_TRIED: u16 = 100;

/// An event consists of small allocations that one thread makes and another frees, and the SDK makes many per call. This allocator
/// is fast at that (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = Cli::parse();
    let locations = args.locations();
    let done = match args.command {
        Some(command) => cli::run(command, &locations),
        None => window(&locations),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => match error.downcast::<clap::Error>() {
            // A flag that is wrong only beside another one.
            Ok(usage) => usage.exit(),
            Err(error) => {
                print_error(&error);
                ExitCode::FAILURE
            }
        },
    }
}

/// Runs the desktop app. What prevents its start is shown in the window, where it can be corrected.
fn window(locations: &Locations) -> anyhow::Result<bool> {
    // The window shows what it does; errors also go to the terminal that started it.
    let _flush = log::start(LevelFilter::WARN);
    if show_running_window(locations) {
        log::write_last_line("tributary: it is already running; its window was brought to the front");
        return Ok(true);
    }
    let data_dir = locations.data_dir().ok();
    let locations = locations.clone();
    app::run(data_dir.as_deref(), move |listen| start(&locations, listen))?;
    Ok(true)
}

/// Asks a Tributary that already runs on the data folder to show its window. `true`: it has one.
fn show_running_window(locations: &Locations) -> bool {
    let running = locations.data_dir().ok().and_then(|data_dir| RunningEngine::find(&data_dir));
    running.is_some_and(|running| running.show_window().unwrap_or(false))
}

/// Starts the engine for the window. `listen`: an address that the user chose in the window, because the one in the settings cannot
/// be used. It is written to the settings file, unless an environment variable sets the address.
fn start(locations: &Locations, listen: Option<SocketAddr>) -> Result<Running, Problem> {
    let file = locations.settings_file();
    let problem = |error: &config::Error| settings_problem(error, file.as_deref().ok());
    let mut loaded = locations.load(&Overrides::default()).map_err(|error| problem(&error))?;
    let paths = locations.paths(&loaded).map_err(|error| problem(&error))?;
    if let Some(listen) = listen {
        let mut config = loaded.config.clone();
        config.capture.listen = listen;
        if !loaded.held.iter().any(|(name, _)| *name == "capture.listen") {
            config::save(&loaded.path, &loaded.config, &config).map_err(|error| Problem {
                title: "The port could not be written to the settings file".to_owned(),
                details: chain(error),
                offer: Some(Offer::Open(loaded.path.clone())),
            })?;
        }
        loaded.config = config;
    }
    let (config_path, data_dir, held) = (loaded.path, paths.data_dir.clone(), loaded.held);
    let engine = Engine::start_heeding_signals(loaded.config, paths)
        .map_err(|error| engine_problem(error, locations, &config_path))?;
    Ok(Running { engine, config_path, data_dir, held })
}

fn settings_problem(error: &config::Error, file: Option<&Path>) -> Problem {
    let with_line = |problem: &config::Problem| [Some(problem.to_string()), problem.excerpt()];
    let mut details: Vec<String> = error.problems().iter().flat_map(with_line).flatten().collect();
    if details.is_empty() {
        details.push(error.to_string());
    }
    let in_file = error.problems().iter().any(|problem| matches!(problem.origin, Origin::File { .. }));
    let offer = file.filter(|_| in_file).map(|file| Offer::Open(file.to_owned()));
    Problem { title: "The settings cannot be used".to_owned(), details, offer }
}

fn engine_problem(error: StartError, locations: &Locations, file: &Path) -> Problem {
    let (title, offer) = match &error {
        StartError::Spool(OpenError::InUse(_)) if show_running_window(locations) => {
            ("Its window was brought to the front", Some(Offer::ShowWindow))
        }
        StartError::Spool(OpenError::InUse(_)) => {
            ("It runs without a window, or does not answer", Some(Offer::ShowWindow))
        }
        StartError::Listen { address, source } => match source.kind() {
            io::ErrorKind::AddrInUse => {
                ("The port is already in use", free_beside(*address).map(Offer::Listen))
            }
            io::ErrorKind::PermissionDenied => {
                ("Tributary may not use this port", free_beside(*address).map(Offer::Listen))
            }
            _ => ("The address cannot be used", Some(Offer::Open(file.to_owned()))),
        },
        StartError::Tls(_) => ("The certificate cannot be used", Some(Offer::Open(file.to_owned()))),
        StartError::Spool(_) | StartError::AddressSpace(_) | StartError::System(_) => {
            ("The engine did not start", None)
        }
    };
    Problem { title: title.to_owned(), details: chain(error), offer }
}

/// The next free port at this address; never one below 1024, for which not every user has the right.
fn free_beside(address: SocketAddr) -> Option<SocketAddr> {
    let first = if address.port() < 1024 { Config::default().capture.listen.port() } else { address.port() };
    let ports = (first..=first.saturating_add(PORTS_TRIED)).filter(|port| *port != address.port());
    let mut addresses = ports.map(|port| SocketAddr::new(address.ip(), port));
    addresses.find(|address| TcpListener::bind(address).is_ok())
}

/// The error and its causes, one line each.
fn chain(error: impl std::error::Error + Send + Sync + 'static) -> Vec<String> {
    anyhow::Error::from(error).chain().map(ToString::to_string).collect()
}

/// Writes the one line that says what failed.
fn print_error(error: &anyhow::Error) {
    log::write_last_line(&format!("tributary: {}", shown::lines(&format!("{error:#}"))));
}
