//! Notices of the desktop.

use crate::event::shown;

/// Has the desktop show a notice. Blocks: its service may be slow to answer, or absent.
pub(super) fn notify(text: &str) -> Result<(), notify_rust::error::Error> {
    let notice = notify_rust::Notification::new()
        .appname("Tributary")
        .icon("tributary")
        .summary("Tributary")
        .body(&shown::lines(text))
        .show();
    notice.map(drop)
}
