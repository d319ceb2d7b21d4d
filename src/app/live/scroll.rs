//! Where the log's list is scrolled to. Rows are numbered from the newest; in a reversed list the newest row is at the bottom.

use std::ops::Range;

use eframe::egui::scroll_area::ScrollAreaOutput;
use egui_extras::TableBuilder;

/// Height of a row in points. Whole and even, so that the positions of a million rows are exact in `f32`.
pub(super) const ROW_HEIGHT: f32 = 28.0;
/// The rows to read before anything is drawn.
const FIRST_ROWS: Range<usize> = 0..40;

/// The rows and columns that a frame draws.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    pub rows: usize,
    pub columns: usize,
    pub is_reversed: bool,
}

impl Extent {
    /// The number of the row at this index of the table; also the other way round.
    pub(super) fn number(self, index: usize) -> usize {
        if self.is_reversed { self.rows.saturating_sub(index + 1) } else { index }
    }
}

pub(super) struct Scroll {
    /// The newest row is in sight.
    pub is_at_newest: bool,
    /// The numbers of the rows that were drawn last.
    pub visible: Range<usize>,
    /// Scroll to the newest row in the next frame.
    to_newest: bool,
    /// Scroll to this row in the next frame.
    to_row: Option<usize>,
    /// The offset in the last frame, and what was drawn.
    offset: f32,
    drawn: Extent,
}

impl Default for Scroll {
    fn default() -> Self {
        Self {
            is_at_newest: true,
            visible: 0..0,
            to_newest: true,
            to_row: None,
            offset: 0.0,
            drawn: Extent::default(),
        }
    }
}

impl Scroll {
    /// Resets the state for a list without rows.
    pub(super) fn clear(&mut self) {
        self.visible = FIRST_ROWS;
        self.is_at_newest = true;
    }

    /// Resets the state before another list is read.
    pub(super) fn start_over(&mut self) {
        self.visible = FIRST_ROWS;
        self.to_newest = true;
    }

    pub(super) fn go_to_newest(&mut self) {
        self.to_newest = true;
        self.is_at_newest = true;
    }

    /// Scrolls to a row that is not in sight.
    pub(super) fn reveal(&mut self, number: usize) {
        self.to_row = Some(number).filter(|number| !self.visible.contains(number));
    }

    /// Scrolls to a row that is not in sight, or at the edge of it.
    pub(super) fn follow(&mut self, number: usize) {
        let Range { start, end } = self.visible;
        if !(start + 1..end.saturating_sub(1)).contains(&number) {
            self.to_row = Some(number);
        }
    }

    /// Scrolls the table if its position must change. `follows`: the newest row stays in sight.
    pub(super) fn apply<'t>(
        &mut self,
        table: TableBuilder<'t>,
        extent: Extent,
        follows: bool,
    ) -> TableBuilder<'t> {
        let to_newest = std::mem::take(&mut self.to_newest);
        if let Some(number) = self.to_row.take() {
            return table.scroll_to_row(extent.number(number), None);
        }
        // A table with other columns has another id, and would begin at its top.
        let has_same_id = extent.columns == self.drawn.columns;
        let table = if has_same_id { table } else { table.vertical_scroll_offset(self.offset) };
        if !extent.is_reversed {
            return if to_newest { table.vertical_scroll_offset(0.0) } else { table };
        }
        if to_newest {
            return table.stick_to_bottom(true).vertical_scroll_offset(extent.rows as f32 * ROW_HEIGHT);
        }
        if follows && self.is_at_newest {
            return table.stick_to_bottom(true);
        }
        // Older rows were added at the top: the visible rows stay where they are.
        let grown = (extent.rows as f32 - self.drawn.rows as f32) * ROW_HEIGHT;
        if grown > 0.0 { table.vertical_scroll_offset(self.offset + grown) } else { table }
    }

    /// Records what was drawn. True: other rows are in sight than before.
    pub(super) fn note(
        &mut self,
        output: &ScrollAreaOutput<()>,
        extent: Extent,
        visible: Option<Range<usize>>,
    ) -> bool {
        self.offset = output.state.clamped_offset().y;
        let from_end = output.content_size.y - output.inner_rect.height() - self.offset;
        let from_newest = if extent.is_reversed { from_end } else { self.offset };
        self.is_at_newest = from_newest < ROW_HEIGHT / 2.0;
        self.drawn = extent;
        let visible = visible.filter(|visible| *visible != self.visible);
        visible.map(|visible| self.visible = visible).is_some()
    }
}
