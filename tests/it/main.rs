//! One binary, one module per promise.

mod architecture;
mod binary;
mod conformance;
mod delivery;
mod practice;
mod scripted;
mod window;
mod wire;
