//! One binary, one module per promise.

mod architecture;
mod conformance;
mod practice;
mod window;
