//! Settings from all places, and as text.

mod mistakes;
mod precedence;
mod text;

use std::path::Path;

use super::{load::in_effect, *};

const PATH: &str = "/home/u/.config/tributary/config.toml";
const SECRET: &str = "s3cr3t0wr1te0key0that0must0hide0";

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().copied().collect()
}

fn flag(flag: &'static str, setting: &'static str, value: &str) -> Overrides {
    Overrides::default().with(flag, setting, Some(value.to_owned()))
}

fn given(text: &str, variables: &[(&str, &str)], flags: &Overrides) -> Result<Config, Error> {
    in_effect(Path::new(PATH), text, &environment(variables), flags).map(|loaded| loaded.config)
}

pub(super) fn from_file(text: &str) -> Result<Config, Error> {
    given(text, &[], &Overrides::default())
}

fn messages(result: Result<Config, Error>) -> Vec<String> {
    result.unwrap_err().problems().iter().map(ToString::to_string).collect()
}
