//! Where the settings file and the data folder are, and the one place that reads the process's environment.
//!
//! A flag beats `TRIBUTARY_CONFIG` and `TRIBUTARY_DATA_DIR`, which beat the platform's folders.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use directories::{ProjectDirs, UserDirs};

use super::Error;

pub(super) const CONFIG_VARIABLE: &str = "TRIBUTARY_CONFIG";
pub(super) const DATA_DIR_VARIABLE: &str = "TRIBUTARY_DATA_DIR";

/// The `TRIBUTARY_` variables. One may hold a write key: `Debug` shows names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// The variables of this process.
    pub fn of_process() -> Self {
        let named = |(name, value): (OsString, OsString)| name.into_string().ok().map(|name| (name, value));
        std::env::vars_os().filter_map(named).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_os_str()))
    }

    /// A path; a variable that is set to nothing counts as not set.
    fn path(&self, name: &str) -> Option<PathBuf> {
        self.0.get(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }
}

impl<N: Into<String>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self(pairs.filter(|(name, _)| name.starts_with("TRIBUTARY_")).collect())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The settings file: `--config`, else `TRIBUTARY_CONFIG`, else [`default_config_path`].
pub fn config_path(flag: Option<&Path>, environment: &Environment) -> Result<PathBuf, Error> {
    let given = flag.map(Path::to_owned).or_else(|| environment.path(CONFIG_VARIABLE));
    given.map_or_else(default_config_path, Ok)
}

/// The folder of spool and log: `--data-dir`, else `TRIBUTARY_DATA_DIR`, else [`default_data_dir`].
pub fn data_dir(flag: Option<&Path>, environment: &Environment) -> Result<PathBuf, Error> {
    let given = flag.map(Path::to_owned).or_else(|| environment.path(DATA_DIR_VARIABLE));
    given.map_or_else(default_data_dir, Ok)
}

/// The certificates in the file that `AWS_CA_BUNDLE` names, as AWS's own tools take them: PEM. Read by each new client.
pub fn ca_bundle() -> Option<Vec<u8>> {
    #[expect(clippy::disallowed_methods, reason = "this is config")]
    let path = PathBuf::from(std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty())?);
    std::fs::read(&path)
        .inspect_err(|error| {
            tracing::warn!("The certificates in {} (AWS_CA_BUNDLE) cannot be read: {error}", path.display());
        })
        .ok()
}

/// What a variable of AWS that names the address of services (`AWS_ENDPOINT_URL…`) says.
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

/// Where a person looks for a file that a program made for them: their folder of downloads, else their home.
pub fn downloads_dir() -> Option<PathBuf> {
    let user = UserDirs::new()?;
    Some(user.download_dir().filter(|folder| folder.is_dir()).unwrap_or(user.home_dir()).to_owned())
}

/// A program of that name in the folders of `PATH`, as a shell would find it. Looks at the disk.
pub fn program(name: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "this is config")]
    let path = std::env::var_os("PATH")?;
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&path).map(|folder| folder.join(&file)).find(|program| program.is_file())
}

/// What draws windows on a Linux desktop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowSystem {
    /// Where `WAYLAND_DISPLAY` or `WAYLAND_SOCKET` is set.
    Wayland,
    /// Where only `DISPLAY` is.
    X11,
}

/// The window system that the window will be opened on; `None` where there is none. The rule is winit's.
pub fn window_system() -> Option<WindowSystem> {
    #[expect(clippy::disallowed_methods, reason = "this is config")]
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set("WAYLAND_DISPLAY") || is_set("WAYLAND_SOCKET") {
        return Some(WindowSystem::Wayland);
    }
    is_set("DISPLAY").then_some(WindowSystem::X11)
}

/// `config.toml` in the platform's config folder, such as `~/.config/tributary/config.toml`.
pub fn default_config_path() -> Result<PathBuf, Error> {
    let no_home = Error::NoHome { what: "settings file", flag: "--config", variable: CONFIG_VARIABLE };
    Ok(project().ok_or(no_home)?.config_dir().join("config.toml"))
}

/// The platform's data folder, such as `~/.local/share/tributary`; on Windows the one that stays on this machine.
pub fn default_data_dir() -> Result<PathBuf, Error> {
    let no_home = Error::NoHome { what: "data folder", flag: "--data-dir", variable: DATA_DIR_VARIABLE };
    Ok(project().ok_or(no_home)?.data_local_dir().to_owned())
}

fn project() -> Option<ProjectDirs> {
    ProjectDirs::from("", "", "tributary")
}
