//! Whether the window is on a workspace that is not shown. On X11, winit reports a window that is minimised or covered, but
//! not this case.
//!
//! The window manager sets two properties (EWMH): the current workspace on the root window, and a window's own workspace on that
//! window. A separate X11 connection gets events about their changes, and each frame reads these events without waiting.
//! Without X11, or if the window manager has no workspaces, the window counts as visible.

#[cfg(not(target_os = "linux"))]
use eframe::CreationContext;

#[cfg(target_os = "linux")]
pub(super) use x11::Workspace;

/// Not needed on other systems, which report hidden windows themselves.
#[cfg(not(target_os = "linux"))]
pub(super) struct Workspace;

#[cfg(not(target_os = "linux"))]
impl Workspace {
    pub(super) fn of(_cc: &CreationContext<'_>) -> Option<Self> {
        None
    }

    pub(super) fn is_out_of_sight(&mut self) -> bool {
        false
    }
}

#[cfg(target_os = "linux")]
mod x11 {
    use eframe::CreationContext;
    use raw_window_handle::{HasWindowHandle as _, RawWindowHandle};
    use x11rb::{
        connection::Connection as _,
        protocol::{
            Event,
            xproto::{Atom, AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, EventMask, Window},
        },
        rust_connection::RustConnection,
    };

    use crate::config::{self, WindowSystem};

    /// The workspace of a window that is on all of them.
    const EVERY: u32 = u32::MAX;

    /// Compares the window's workspace with the current one.
    pub(crate) struct Workspace {
        connection: RustConnection,
        /// Window and property that say which workspace is in sight.
        in_sight: (Window, Atom),
        /// Window and property that say on which workspace our window is.
        own: (Window, Atom),
        is_out_of_sight: bool,
    }

    impl Workspace {
        pub(crate) fn of(cc: &CreationContext<'_>) -> Option<Self> {
            if config::window_system() != Some(WindowSystem::X11) {
                return None;
            }
            let window = match cc.window_handle().ok()?.as_raw() {
                RawWindowHandle::Xlib(handle) => u32::try_from(handle.window).ok()?,
                RawWindowHandle::Xcb(handle) => handle.window.get(),
                _ => return None,
            };
            let (connection, screen) = RustConnection::connect(None).ok()?;
            let root = connection.setup().roots.get(screen)?.root;
            let atom = |name: &[u8]| Some(connection.intern_atom(false, name).ok()?.reply().ok()?.atom);
            let (current, desktop) = (atom(b"_NET_CURRENT_DESKTOP")?, atom(b"_NET_WM_DESKTOP")?);
            let told = ChangeWindowAttributesAux::new().event_mask(EventMask::PROPERTY_CHANGE);
            for window in [root, window] {
                connection.change_window_attributes(window, &told).ok()?.check().ok()?;
            }
            let mut workspace = Self {
                connection,
                in_sight: (root, current),
                own: (window, desktop),
                is_out_of_sight: false,
            };
            workspace.look();
            Some(workspace)
        }

        /// Whether the window is on a workspace that is not shown. Asks the X server only after a change.
        pub(crate) fn is_out_of_sight(&mut self) -> bool {
            let mut has_changed = false;
            while let Ok(Some(event)) = self.connection.poll_for_event() {
                if let Event::PropertyNotify(change) = event {
                    has_changed |= [self.in_sight, self.own].contains(&(change.window, change.atom));
                }
            }
            if has_changed {
                self.look();
            }
            self.is_out_of_sight
        }

        fn look(&mut self) {
            let number = |(window, property)| {
                let asked =
                    self.connection.get_property(false, window, property, AtomEnum::CARDINAL, 0, 1).ok()?;
                asked.reply().ok()?.value32()?.next()
            };
            let places = number(self.in_sight).zip(number(self.own));
            self.is_out_of_sight = places.is_some_and(|(in_sight, own)| own != EVERY && own != in_sight);
        }
    }
}
