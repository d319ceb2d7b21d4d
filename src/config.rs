//! Settings: what the user wrote (file, environment, flags), checked once and then trusted.
//!
//! A flag beats an environment variable beats the file beats the default. A mistake anywhere is an [`Error`] that names its
//! place and what is allowed. No default replaces a mistake silently, and no message shows a write key.
//! The file is the user's: it is written once, on the first run; later [`save`] writes only the keys that changed.
//! This is the only module that reads the process's environment. AWS keys are never here: they are in the system keychain
//! or in AWS's own files.
//!
//! Each section of the file has its struct, its defaults and its rules in one file (`destination`, `credentials`, `capture`;
//! the small ones in `settings`). `load` reads, `save` writes.

mod alert;
mod capture;
mod credentials;
mod destination;
mod entry;
mod environment;
mod error;
mod export;
mod file;
mod flags;
mod load;
mod metrics;
mod paths;
mod public_url;
mod raw;
mod save;
mod saved;
mod setting;
mod settings;
mod source;
#[cfg(test)]
mod tests;
mod values;

pub use alert::{Alert, AlertKind, Condition, MailServer};
pub use capture::{Capture, check_listen, check_trusted_proxy, trusted_proxy_text};
pub use credentials::{Credentials, CredentialsSource, check_external_id, check_role_arn, check_role_in};
pub use destination::{
    Destination, DestinationKind, Operation, StreamArn, check_account_id, check_endpoint_url,
    check_partition, check_region, check_stream, other_server,
};
pub use environment::Environment;
pub use error::{Error, Origin, Problem, RuleError};
pub use export::{Difference, differences, draft, export, import, masked_toml, with_draft};
pub use flags::Overrides;
pub use load::{EXAMPLE, Loaded, load, read};
pub use metrics::Metrics;
pub use paths::{
    WindowSystem, ca_bundle, config_path, data_dir, downloads_dir, endpoint_variable, key_files, platform,
    program, window_system,
};
pub use public_url::{PublicUrl, is_authority, path_prefix};
pub use raw::check;
pub use save::{SaveError, save};
pub use saved::SavedDestination;
pub use settings::{App, Config, Log, Spool};
pub use source::{Source, check_source_name, new_write_key};
pub use values::{value_text, with_values};
