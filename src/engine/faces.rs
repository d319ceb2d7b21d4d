//! Signals from the engine to a face, besides [`Status`](crate::delivery::Status): that something changed, or that the face
//! must do something.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::Notify;

type Wake = Box<dyn Fn() + Send + Sync>;

/// The faces over this engine, as the engine sees them.
#[derive(Default)]
pub(super) struct Faces {
    wake: OnceLock<Wake>,
    /// Makes the status be published again after a change that no watched value shows.
    pub(super) changed: Notify,
    stop_requested: AtomicBool,
    has_window: AtomicBool,
    window_requested: AtomicBool,
}

impl Faces {
    /// Sets the callback that wakes the face. The first one stays.
    pub(super) fn on_change(&self, wake: impl Fn() + Send + Sync + 'static) {
        if self.wake.set(Box::new(wake)).is_err() {
            tracing::debug!("a face is woken already");
        }
    }

    pub(super) fn wake(&self) {
        if let Some(wake) = self.wake.get() {
            wake();
        }
    }

    /// Asks the face to stop the program.
    pub(super) fn request_stop(&self) {
        self.stop_requested.store(true, Ordering::Release);
        self.wake();
    }

    pub(super) fn is_stop_requested(&self) -> bool {
        self.stop_requested.load(Ordering::Acquire)
    }

    pub(super) fn set_has_window(&self) {
        self.has_window.store(true, Ordering::Release);
    }

    /// Asks the window to come to the front. `false`: there is no window.
    pub(super) fn request_window(&self) -> bool {
        let has_window = self.has_window.load(Ordering::Acquire);
        self.window_requested.store(has_window, Ordering::Release);
        self.wake();
        has_window
    }

    /// Takes a request to bring the window to the front: `true` once per request.
    pub(super) fn take_window_request(&self) -> bool {
        self.window_requested.swap(false, Ordering::AcqRel)
    }
}
