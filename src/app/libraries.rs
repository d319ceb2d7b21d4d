//! The libraries that the window opens while it runs. A missing one is named before the window is tried: winit would
//! panic, or call it a missing display.
//!
//! Each is opened through the crate that winit opens it with, so that both look in the same places. OpenGL is not in the list:
//! whether it works is known only after drawing, and then [`super::RunError::NoGraphics`] reports it.

use crate::config::{self, WindowSystem};

/// A shared library that the window cannot do without.
pub struct Library {
    /// The name it is opened by.
    pub file: &'static str,
    /// The package of Debian and Ubuntu that has it.
    pub package: &'static str,
    /// The window systems that need it.
    pub on: &'static [WindowSystem],
    can_be_opened: fn() -> bool,
}

const X11: &[WindowSystem] = &[WindowSystem::X11];
const WAYLAND: &[WindowSystem] = &[WindowSystem::Wayland];

/// All of them.
#[cfg(target_os = "linux")]
pub const LIBRARIES: [Library; 8] = [
    Library {
        file: "libX11.so.6",
        package: "libx11-6",
        on: X11,
        can_be_opened: || x11_dl::xlib::Xlib::open().is_ok(),
    },
    Library {
        file: "libX11-xcb.so.1",
        package: "libx11-xcb1",
        on: X11,
        can_be_opened: || x11_dl::xlib_xcb::Xlib_xcb::open().is_ok(),
    },
    Library {
        file: "libXcursor.so.1",
        package: "libxcursor1",
        on: X11,
        can_be_opened: || x11_dl::xcursor::Xcursor::open().is_ok(),
    },
    Library {
        file: "libXi.so.6",
        package: "libxi6",
        on: X11,
        can_be_opened: || x11_dl::xinput2::XInput2::open().is_ok(),
    },
    Library {
        file: "libxkbcommon-x11.so.0",
        package: "libxkbcommon-x11-0",
        on: X11,
        can_be_opened: || xkbcommon_dl::x11::xkbcommon_x11_option().is_some(),
    },
    Library {
        file: "libxkbcommon.so.0",
        package: "libxkbcommon0",
        on: &[WindowSystem::X11, WindowSystem::Wayland],
        can_be_opened: || xkbcommon_dl::xkbcommon_option().is_some(),
    },
    Library {
        file: "libwayland-client.so.0",
        package: "libwayland-client0",
        on: WAYLAND,
        can_be_opened: wayland_sys::client::is_lib_available,
    },
    Library {
        file: "libwayland-egl.so.1",
        package: "libwayland-egl1",
        on: WAYLAND,
        can_be_opened: wayland_sys::egl::is_lib_available,
    },
];

/// None: other systems have what the window needs.
#[cfg(not(target_os = "linux"))]
pub const LIBRARIES: [Library; 0] = [];

/// The needed libraries that cannot be opened, as text: `libXi.so.6 (Debian: libxi6)`. `None`: none is missing.
pub(super) fn missing() -> Option<String> {
    let system = config::window_system()?;
    let missing: Vec<_> = LIBRARIES
        .iter()
        .filter(|library| library.on.contains(&system) && !(library.can_be_opened)())
        .map(|library| format!("{} (Debian, Ubuntu: {})", library.file, library.package))
        .collect();
    (!missing.is_empty()).then(|| missing.join(", "))
}
