//! Where the settings and the data are.

use std::path::PathBuf;

use crate::{
    config::{self, Environment, Loaded, Overrides},
    engine::Paths,
};

/// Where the settings and the data are, by the flags that every command takes.
#[derive(Clone, Debug)]
pub struct Locations {
    pub(super) config: Option<PathBuf>,
    pub(super) data_dir: Option<PathBuf>,
}

impl Locations {
    /// The settings file.
    pub fn settings_file(&self) -> Result<PathBuf, config::Error> {
        config::config_path(self.config.as_deref(), &Environment::of_process())
    }

    /// Reads the settings; creates the file if there is none.
    pub fn load(&self, overrides: &Overrides) -> Result<Loaded, config::Error> {
        config::load(&self.settings_file()?, &Environment::of_process(), overrides)
    }

    /// Reads the settings without writing anything.
    pub(super) fn read(&self, overrides: &Overrides) -> Result<Loaded, config::Error> {
        config::read(&self.settings_file()?, &Environment::of_process(), overrides)
    }

    /// The data folder.
    pub fn data_dir(&self) -> Result<PathBuf, config::Error> {
        config::data_dir(self.data_dir.as_deref(), &Environment::of_process())
    }

    /// Where an engine with these settings keeps its files.
    pub fn paths(&self, loaded: &Loaded) -> Result<Paths, config::Error> {
        Ok(Paths { config_file: Some(loaded.path.clone()), data_dir: self.data_dir()? })
    }
}
