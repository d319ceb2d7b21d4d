//! One binary, one module per promise.

mod architecture;
mod binary;
mod capture;
mod cli;
mod conformance;
mod corpus;
mod delivery;
mod endurance;
mod practice;
mod practising;
mod restart;
mod scripted;
mod tls;
mod window;
mod wire;
