//! The desktop around the window.

use super::super::{command::Command, shared::Shared};

/// The window, as other programs see it, and the desktop's notices.
pub struct Desktop<'a>(pub(crate) &'a Shared);

impl Desktop<'_> {
    /// Says that there is a window over this engine, so that it can be asked for
    /// (see [`RunningEngine::show_window`](crate::engine::RunningEngine::show_window)).
    pub fn announce_window(&self) {
        self.0.faces.set_has_window();
    }

    /// Whether the program was started again, so that this window must come to the front; `true` once per start. The face
    /// is woken for it.
    pub fn take_window_request(&self) -> bool {
        self.0.faces.take_window_request()
    }

    /// Has the desktop show a notice, if it can.
    pub fn notify(&self, text: String) {
        self.0.command(Command::NotifyDesktop(text));
    }
}
