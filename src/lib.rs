//! Tributary captures the analytics events that sites, apps and servers already send, keeps them safe on disk, and
//! delivers every one, in order per user, to an Amazon Kinesis data stream.
//!
//! The map, in reading order; data flows down it. `ARCHITECTURE.md` says which module may use which.

// What an event is, and what becomes of it: plain data and pure decisions.
pub mod delivery;
pub mod event;

// The wall clock, and files that survive a power cut.
pub mod clock;
pub mod files;

// The program's own log, and the places of its own ports.
pub mod log;
pub mod slots;

// How AWS names things, and words of a shell's command line: pure.
pub mod aws;
pub mod shell;

// Settings, and texts made from them: pure.
pub mod config;
pub mod policy;
pub mod remedy;
pub mod snippets;

// The outside world, one door each.
pub mod capture;
pub mod kinesis;
pub mod practice;
pub mod spool;

// The event's way, and who runs it all.
pub mod engine;
pub mod forward;

// The faces.
pub mod app;
pub mod cli;
