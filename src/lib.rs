//! Tributary captures the analytics events that sites, apps and servers already send, keeps them safe on disk, and
//! delivers every one, in order per user, to an Amazon Kinesis data stream.
//!
//! The modules in reading order; data flows down the list. `ARCHITECTURE.md` says which module may use which.

// What an event is, what became of it, and who reads it: plain data and pure decisions.
pub mod delivery;
pub mod event;
pub mod reader;

// The wall clock, and files that survive a power cut.
pub mod clock;
pub mod files;

// The program's own log, and the connection slots of its ports.
pub mod log;
pub mod slots;

// Names of AWS, and quoting for a shell's command line: pure.
pub mod aws;
pub mod shell;

// Settings, and texts and decisions made from them: pure.
pub mod alert;
pub mod config;
pub mod policy;
pub mod remedy;
pub mod snippets;

// The outside world, one part of it per module.
pub mod capture;
pub mod kinesis;
pub mod practice;
pub mod spool;

// Delivering events, and running all parts.
pub mod engine;
pub mod forward;

// The faces.
pub mod app;
pub mod cli;
