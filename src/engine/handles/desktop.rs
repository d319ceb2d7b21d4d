//! The window as other programs see it, and desktop notifications.

use super::super::{command::Command, shared::Shared};

/// Announces the window to other programs, and shows desktop notifications.
pub struct Desktop<'a>(pub(crate) &'a Shared);

impl Desktop<'_> {
    /// Records that this engine has a window, so that
    /// [`RunningEngine::show_window`](crate::engine::RunningEngine::show_window) can bring it to the front.
    pub fn announce_window(&self) {
        self.0.faces.set_has_window();
    }

    /// Whether the program was started again, so that this window must come to the front; `true` once per start. The face
    /// is woken for it.
    pub fn take_window_request(&self) -> bool {
        self.0.faces.take_window_request()
    }

    /// Shows a desktop notification, if the desktop can.
    pub fn notify(&self, text: String) {
        self.0.command(Command::NotifyDesktop(text));
    }
}
