//! One binary, one module per promise.

mod account;
mod answers;
mod architecture;
mod binary;
mod capture;
mod check;
mod cli;
mod conformance;
mod corpus;
mod delivery;
mod doctor;
mod endurance;
mod keys;
mod oracle;
mod practice;
mod practising;
mod proxy;
mod resend;
mod restart;
mod scripted;
mod setup;
mod tls;
mod window;
mod wire;
