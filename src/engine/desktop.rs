//! Desktop notifications.

use crate::event::shown;

/// Shows a desktop notification. Blocks: the notification service may be slow to answer, or absent.
pub(super) fn notify(text: &str) -> Result<(), notify_rust::error::Error> {
    let notice = notify_rust::Notification::new()
        .appname("Tributary")
        .icon("tributary")
        .summary("Tributary")
        .body(&shown::lines(text))
        .show();
    notice.map(drop)
}
