//! One binary, one module per promise.

mod binary;
mod conformance;
mod delivery;
mod practice;
mod restart;
mod scripted;
mod wire;
