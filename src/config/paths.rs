//! Paths: our files and folders, AWS's, and the platform's. Also reads the variables that do not begin with
//! `TRIBUTARY_`.
//!
//! A flag beats `TRIBUTARY_CONFIG` and `TRIBUTARY_DATA_DIR`, which beat the platform's folders.

use std::path::{Path, PathBuf};

use directories::{ProjectDirs, UserDirs};

use super::environment::{CONFIG_VARIABLE, DATA_DIR_VARIABLE, Environment};
use super::error::Error;

/// The settings file: `--config`, else `TRIBUTARY_CONFIG`, else the platform's.
pub fn config_path(flag: Option<&Path>, environment: &Environment) -> Result<PathBuf, Error> {
    let given = flag.map(Path::to_owned).or_else(|| environment.path(CONFIG_VARIABLE));
    given.map_or_else(default_config_path, Ok)
}

/// The folder of the spool and the log: `--data-dir`, else `TRIBUTARY_DATA_DIR`, else the platform's.
pub fn data_dir(flag: Option<&Path>, environment: &Environment) -> Result<PathBuf, Error> {
    let given = flag.map(Path::to_owned).or_else(|| environment.path(DATA_DIR_VARIABLE));
    given.map_or_else(default_data_dir, Ok)
}

/// The PEM certificates in the file that `AWS_CA_BUNDLE` names, as AWS's own tools take them. Each new client reads them.
pub fn ca_bundle() -> Option<Vec<u8>> {
    #[expect(clippy::disallowed_methods, reason = "this is config")]
    let path = PathBuf::from(std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty())?);
    std::fs::read(&path)
        .inspect_err(|error| {
            tracing::warn!("The certificates in {} (AWS_CA_BUNDLE) cannot be read: {error}", path.display());
        })
        .ok()
}

/// The value of one of AWS's variables for addresses of services (`AWS_ENDPOINT_URL…`).
pub fn endpoint_variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "this is config")]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// AWS's own files, `config` and `credentials`: in `~/.aws`, or where `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE`
/// say. They need not be there.
pub fn key_files() -> Vec<PathBuf> {
    let home = UserDirs::new().map(|user| user.home_dir().to_owned());
    let place = |(variable, name): (&str, &str)| {
        #[expect(clippy::disallowed_methods, reason = "this is config")]
        let given = std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
        match (given, &home) {
            (Some(path), Some(home)) => match path.strip_prefix("~") {
                Ok(rest) => Some(home.join(rest)),
                Err(_) => Some(path),
            },
            (Some(path), None) => Some(path),
            (None, home) => home.as_ref().map(|home| home.join(".aws").join(name)),
        }
    };
    let variables = [("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")];
    variables.into_iter().filter_map(place).collect()
}

/// Where a person looks for an exported file: the downloads folder, else the home folder.
pub fn downloads_dir() -> Option<PathBuf> {
    let user = UserDirs::new()?;
    Some(user.download_dir().filter(|folder| folder.is_dir()).unwrap_or(user.home_dir()).to_owned())
}

/// The program of that name in the folders of `PATH`, as a shell would find it. Reads the disk.
pub fn program(name: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "this is config")]
    let path = std::env::var_os("PATH")?;
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&path).map(|folder| folder.join(&file)).find(|program| program.is_file())
}

/// What draws windows on a Linux desktop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowSystem {
    /// If `WAYLAND_DISPLAY` or `WAYLAND_SOCKET` is set.
    Wayland,
    /// If only `DISPLAY` is set.
    X11,
}

/// The window system that the window will be opened on, if there is one. The rule is winit's.
pub fn window_system() -> Option<WindowSystem> {
    #[expect(clippy::disallowed_methods, reason = "this is config")]
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set("WAYLAND_DISPLAY") || is_set("WAYLAND_SOCKET") {
        return Some(WindowSystem::Wayland);
    }
    is_set("DISPLAY").then_some(WindowSystem::X11)
}

/// `config.toml` in the platform's config folder, such as `~/.config/tributary/config.toml`.
pub(super) fn default_config_path() -> Result<PathBuf, Error> {
    let no_home = Error::NoHome { what: "settings file", flag: "--config", variable: CONFIG_VARIABLE };
    Ok(project().ok_or(no_home)?.config_dir().join("config.toml"))
}

/// The platform's data folder, such as `~/.local/share/tributary`; on Windows the one that stays on this machine.
fn default_data_dir() -> Result<PathBuf, Error> {
    let no_home = Error::NoHome { what: "data folder", flag: "--data-dir", variable: DATA_DIR_VARIABLE };
    Ok(project().ok_or(no_home)?.data_local_dir().to_owned())
}

fn project() -> Option<ProjectDirs> {
    ProjectDirs::from("", "", "tributary")
}

/// The operating system and the processor, such as `linux x86_64`.
pub fn platform() -> String {
    format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)
}
