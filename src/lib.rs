//! Tributary.
pub mod config;
pub mod delivery;
pub mod engine;
pub mod event;
pub mod policy;
pub mod remedy;
pub mod snippets;
