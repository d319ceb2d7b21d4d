//! Tributary.
pub mod practice;
