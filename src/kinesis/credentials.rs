//! AWS keys: from where the settings say, in bounded time, with an error that names what failed.
//!
//! 1. [`KeyFinder`] finds the keys once: in the environment, a profile, the keychain, or by the SDK's chain of machine
//!    roles. What a profile leads to is read from AWS's files ([`profile_chain`]), so that a failure is explained by the
//!    kind of the profile and not by the words of an error.
//! 2. [`KeyCache`] keeps the keys for all puts of a client. One caller at a time fetches them, before the time of its put
//!    begins; the program that hands them out ends when nobody waits any more.
//! 3. [`find`] does the same once, for checks and set-up, and says in words where the keys are from.

mod cache;
mod config_files;
mod config_text;
mod failure;
mod finder;
mod identity;
mod keychain;
mod pending;
mod process;
mod profile_chain;
mod profiles;
mod resolve;
mod sso;

pub(super) use cache::KeyCache;
pub use config_files::AwsConfigFiles;
pub use config_text::ConfigFileError;
pub(super) use finder::KeyFinder;
pub use identity::who_am_i;
pub(super) use identity::{FoundKeys, check_account, find, identity_of};
pub(super) use keychain::check_keychain;
pub use keychain::{KeychainError, store_keys};
pub use profiles::{ProfilesError, profiles};
