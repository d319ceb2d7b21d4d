//! The name of this machine, which tells one engine from another one in alerts and in pushed metrics.

/// The name, or words for it if the system has none.
pub(super) fn host_name() -> String {
    hostname::get()
        .map_or_else(|_unknown| "this machine".to_owned(), |name| name.to_string_lossy().into_owned())
}
