//! The state of the window that the next start restores: theme, zoom, size, position, and whether it is maximised. The
//! engine keeps it under one name in `window.json`. While the window is maximised or minimised, the size and the position that it
//! had before stay kept. Wayland does not tell a program the position of its window, so there only the size is restored.

use std::time::{Duration, Instant};

use eframe::egui::{self, Pos2, Rect, ThemePreference, Vec2, ViewportBuilder, ViewportCommand, vec2};
use serde::{Deserialize, Serialize};

use super::{
    command::{Command, KeepCommand},
    theme,
};

/// The name under which the state is kept.
pub(super) const STATE: &str = "window";
const SIZE: [f32; 2] = [1280.0, 820.0];
/// Minimum size of the window: the places do not fit in a smaller one.
const SIZE_MIN: Vec2 = vec2(860.0, 560.0);
/// The pause after the last move or resize before the state is kept.
const KEEP_AFTER: Duration = Duration::from_millis(400);
/// Estimated room for the title bar and the desktop's panel around the contents, in points. No system reports it.
const AROUND: Vec2 = vec2(16.0, 80.0);
/// How much of the window's top edge must be on a monitor, in points, so that the user can drag the window.
const REACHABLE: f32 = 80.0;

/// The kept state. Lengths are in points of the monitor, independent of the zoom.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct WindowState {
    theme: Theme,
    zoom: f32,
    size: [f32; 2],
    position: Option<[f32; 2]>,
    maximized: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Theme {
    #[default]
    System,
    Dark,
    Light,
}

impl Default for WindowState {
    fn default() -> Self {
        Self { theme: Theme::System, zoom: 1.0, size: SIZE, position: None, maximized: false }
    }
}

impl WindowState {
    pub(super) fn viewport(self, builder: ViewportBuilder) -> ViewportBuilder {
        let builder = builder
            .with_inner_size(Vec2::from(self.size).max(SIZE_MIN))
            .with_min_inner_size(SIZE_MIN)
            .with_maximized(self.maximized);
        match self.position {
            Some(position) => builder.with_position(Pos2::from(position)),
            None => builder,
        }
    }

    /// Applies theme and zoom.
    pub(super) fn apply_theme(self, ctx: &egui::Context) {
        let theme = match self.theme {
            Theme::System => ThemePreference::System,
            Theme::Dark => ThemePreference::Dark,
            Theme::Light => ThemePreference::Light,
        };
        theme::choose(ctx, theme);
        ctx.set_zoom_factor(self.zoom.clamp(0.4, 4.0));
    }

    /// Restores what needs an existing window: maximises it, limits it to the size of its monitor, and moves it back into sight
    /// if its monitor is gone.
    pub(super) fn restore(self, cc: &eframe::CreationContext<'_>) {
        if self.maximized {
            // X11 window managers ignore requests for a window that is not shown yet.
            cc.egui_ctx.send_viewport_cmd(ViewportCommand::Maximized(true));
        }
        let Some(window) = cc.winit_window() else { return };
        if let Some(monitor) = window.current_monitor().or_else(|| window.available_monitors().next()) {
            let room = monitor.size().to_logical::<f32>(window.scale_factor());
            let size = Vec2::from(self.size).max(SIZE_MIN);
            let fitting = fitting(size, vec2(room.width, room.height));
            if fitting != size && !self.maximized {
                cc.egui_ctx
                    .send_viewport_cmd(ViewportCommand::InnerSize(fitting / cc.egui_ctx.zoom_factor()));
            }
        }
        let Some(position) = self.position else { return };
        let scale = window.scale_factor();
        let monitors: Vec<Rect> = window
            .available_monitors()
            .map(|monitor| {
                let at = monitor.position().to_logical::<f32>(scale);
                let size = monitor.size().to_logical::<f32>(scale);
                Rect::from_min_size(egui::pos2(at.x, at.y), vec2(size.width, size.height))
            })
            .collect();
        if let Some(position) = reachable(Rect::from_min_size(position.into(), self.size.into()), &monitors) {
            cc.egui_ctx.send_viewport_cmd(ViewportCommand::OuterPosition(position));
        }
    }

    /// Keeps this state for the next start.
    pub(super) fn keep(self) -> Command {
        Command::Keep(KeepCommand::state(STATE, &self))
    }

    /// This state, updated to how the window looks now.
    fn updated(self, ctx: &egui::Context) -> Self {
        let theme = match ctx.options(|options| options.theme_preference) {
            ThemePreference::System => Theme::System,
            ThemePreference::Dark => Theme::Dark,
            ThemePreference::Light => Theme::Light,
        };
        let zoom = ctx.zoom_factor();
        let state = Self { theme, zoom, ..self };
        ctx.input(|i| {
            let viewport = i.viewport();
            let is = |flag: Option<bool>| flag == Some(true);
            if is(viewport.minimized) || is(viewport.fullscreen) || viewport.visible() == Some(false) {
                return state;
            }
            let Some(maximized) = viewport.maximized else { return state };
            if maximized {
                return Self { maximized, ..state };
            }
            let size = viewport.inner_rect.map_or(state.size, |rect| (rect.size() * zoom).round().into());
            let position = viewport.outer_rect.map(|rect| (rect.min * zoom).round().into());
            Self { maximized, size, position: position.or(state.position), ..state }
        })
    }
}

/// The size of the contents with which the whole window fits on a monitor of this size, but at least [`SIZE_MIN`].
fn fitting(size: Vec2, monitor: Vec2) -> Vec2 {
    size.min(monitor - AROUND).max(SIZE_MIN)
}

/// The position for a window whose top edge is on none of these monitors; `None`: it can stay.
fn reachable(window: Rect, monitors: &[Rect]) -> Option<Pos2> {
    let top = Rect::from_min_size(window.min, vec2(window.width(), REACHABLE));
    let is_on = |monitor: &Rect| {
        let seen = monitor.intersect(top);
        seen.width() >= REACHABLE && seen.height() >= REACHABLE / 2.0
    };
    if monitors.iter().any(is_on) { None } else { monitors.first().map(|monitor| monitor.min) }
}

/// Notices changes of the window's state, and decides when to keep it: [`KEEP_AFTER`] after the last change.
pub(super) struct Tracker {
    kept: WindowState,
    seen: WindowState,
    since: Instant,
}

impl Tracker {
    /// Starts from this state, whose theme and zoom it applies.
    pub(super) fn new(state: WindowState, ctx: &egui::Context) -> Self {
        state.apply_theme(ctx);
        Self { kept: state, seen: state, since: Instant::now() }
    }

    /// Returns the state when it must be kept.
    pub(super) fn logic(&mut self, ctx: &egui::Context) -> Option<WindowState> {
        let now = self.seen.updated(ctx);
        if now != self.seen {
            self.seen = now;
            self.since = Instant::now();
        }
        if self.seen == self.kept {
            return None;
        }
        if let Some(left) = KEEP_AFTER.checked_sub(self.since.elapsed()).filter(|left| !left.is_zero()) {
            ctx.request_repaint_after(left);
            return None;
        }
        self.unkept()
    }

    /// The state, unless it is kept already.
    pub(super) fn unkept(&mut self) -> Option<WindowState> {
        let is_kept = self.seen == self.kept;
        self.kept = self.seen;
        (!is_kept).then_some(self.seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_on_a_monitor_that_is_gone_comes_back_to_the_first_one() {
        let monitor = |x: f32| Rect::from_min_size(egui::pos2(x, 0.0), vec2(1920.0, 1080.0));
        let window = |x: f32, y: f32| Rect::from_min_size(egui::pos2(x, y), vec2(1280.0, 820.0));
        let both = [monitor(0.0), monitor(1920.0)];
        assert_eq!(reachable(window(2000.0, 40.0), &both), None);
        assert_eq!(reachable(window(2000.0, 40.0), &both[..1]), Some(Pos2::ZERO));
        assert_eq!(reachable(window(-1250.0, 40.0), &both), Some(Pos2::ZERO), "a strip is no handle");
        assert_eq!(reachable(window(-600.0, 900.0), &both), None, "partly out of sight by choice");
        assert_eq!(reachable(window(2000.0, 40.0), &[]), None, "nobody knows");
    }

    #[test]
    fn a_window_is_no_larger_than_its_monitor_leaves_room_for() {
        let usual = Vec2::from(SIZE);
        assert_eq!(fitting(usual, vec2(1920.0, 1080.0)), usual);
        assert_eq!(fitting(usual, vec2(1280.0, 820.0)), vec2(1264.0, 740.0));
        assert_eq!(fitting(vec2(2400.0, 1300.0), vec2(1440.0, 900.0)), vec2(1424.0, 820.0));
        assert_eq!(fitting(usual, vec2(800.0, 600.0)), SIZE_MIN, "the places do not fit a smaller one");
    }

    #[test]
    fn what_an_older_version_kept_or_nobody_did_is_the_usual_window() {
        assert_eq!(serde_json::from_str::<WindowState>("{}").expect("reads"), WindowState::default());
        let state: WindowState =
            serde_json::from_str(r#"{"theme":"light","size":[900,600]}"#).expect("reads");
        assert_eq!(
            state,
            WindowState { theme: Theme::Light, size: [900.0, 600.0], ..WindowState::default() }
        );
    }
}
