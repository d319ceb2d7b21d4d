//! Tributary.
pub mod event;
