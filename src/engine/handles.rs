//! What a face can do with an engine, by subject. Each handle only sends messages and looks at watched values, so no call
//! waits for the disk, the network or a task.

mod account;
mod alerts;
mod checks;
mod desktop;
mod forwarder;
mod log;
mod practice_stream;
mod settings;
mod stream_reader;
mod test_events;

pub use account::Account;
pub use alerts::Alerts;
pub use checks::Checks;
pub use desktop::Desktop;
pub use forwarder::Forwarder;
pub use log::Log;
pub use practice_stream::PracticeStream;
pub use settings::Settings;
pub use stream_reader::StreamReader;
pub use test_events::TestEvents;
