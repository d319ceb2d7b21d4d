//! Requests a frame when the engine has something new, at most one at a time however often the engine calls.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use eframe::egui;

use super::waiting::FRAME;

/// The shortest time between two frames that the engine causes while the window is not visible.
const FRAME_OUT_OF_SIGHT: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(super) struct Waker {
    pub ctx: egui::Context,
    pending: Arc<AtomicBool>,
    is_out_of_sight: Arc<AtomicBool>,
}

impl Waker {
    pub(super) fn new(ctx: &egui::Context) -> Self {
        Self { ctx: ctx.clone(), pending: Arc::default(), is_out_of_sight: Arc::default() }
    }

    pub(super) fn wake(&self) {
        if !self.pending.swap(true, Ordering::AcqRel) {
            let is_out_of_sight = self.is_out_of_sight.load(Ordering::Relaxed);
            self.ctx.request_repaint_after(if is_out_of_sight { FRAME_OUT_OF_SIGHT } else { FRAME });
        }
    }

    /// Call this at the start of a frame: the next wake-up requests another frame.
    pub(super) fn frame_begins(&self) {
        self.pending.store(false, Ordering::Release);
    }

    pub(super) fn set_out_of_sight(&self, is_out_of_sight: bool) {
        self.is_out_of_sight.store(is_out_of_sight, Ordering::Relaxed);
    }
}
