//! The page below the strip.

/// What the strip knows of it.
#[derive(Clone, Copy)]
pub(crate) struct Page {
    /// A sheet is open over the window.
    pub is_covered: bool,
    /// It is Set up, and its steps are about the destination in force.
    pub sets_up_in_force: bool,
}
