//! One binary, one module per promise.

mod conformance;
mod practice;
mod window;
