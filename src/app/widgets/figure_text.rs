//! A line of text whose figures change while one looks at it. All digits have the same width, so nothing jumps when one
//! changes; and each is laid out by itself, so a new figure costs no new layout: shaping it would cost more than the
//! drawing of everything else in its box.

use std::sync::Arc;

use eframe::egui::{
    Atom, Color32, Galley, Pos2, RichText, TextStyle, TextWrapMode, Ui, Vec2, WidgetText,
    emath::GuiRounding as _, vec2,
};

/// The text, laid out.
#[derive(Clone)]
pub(crate) struct FigureText {
    /// Where each begins, from the left.
    pieces: Vec<(f32, Arc<Galley>)>,
    size: Vec2,
}

impl FigureText {
    /// `format` gives any part of the text its look.
    pub(crate) fn new(ui: &Ui, text: &str, format: impl Fn(&str) -> RichText) -> Self {
        let galley = |part: &str| {
            let text = WidgetText::from(format(part));
            text.into_galley(ui, Some(TextWrapMode::Extend), f32::INFINITY, TextStyle::Body)
        };
        let digit_width = galley("0").size().x.round_to_pixels(ui.pixels_per_point());
        let (mut pieces, mut size) = (Vec::new(), Vec2::ZERO);
        let mut rest = text;
        while !rest.is_empty() {
            let digits = usize::from(rest.starts_with(|c: char| c.is_ascii_digit()));
            let words = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            let (part, after) = rest.split_at(words.max(digits));
            let galley = galley(part);
            let width = if digits == 1 { digit_width } else { galley.size().x };
            size = vec2(size.x + width, size.y.max(galley.size().y));
            // In the middle of its width.
            pieces.push((size.x - f32::midpoint(width, galley.size().x), galley));
            rest = after;
        }
        Self { pieces, size }
    }

    /// A text that is laid out already.
    pub(crate) fn of(galley: Arc<Galley>) -> Self {
        Self { size: galley.size(), pieces: vec![(0.0, galley)] }
    }

    pub(crate) fn size(&self) -> Vec2 {
        self.size
    }

    /// `color` is for parts without one.
    pub(crate) fn paint(&self, ui: &Ui, left_top: Pos2, color: Color32) {
        for (left, galley) in &self.pieces {
            ui.painter().galley(left_top + vec2(*left, 0.0), Arc::clone(galley), color);
        }
    }

    /// The text as a part of a button.
    pub(crate) fn atom(self) -> Atom<'static> {
        Atom::paint(self.size, move |ui, args| {
            self.paint(ui, args.rect.center() - self.size / 2.0, args.fallback_text_color);
        })
    }
}

#[cfg(test)]
mod tests {
    use eframe::egui::{Context, RawInput};

    use super::*;

    #[test]
    fn all_figures_of_a_length_are_equally_wide_and_keep_their_words() {
        let ctx = Context::default();
        let mut output = ctx.run_ui(RawInput::default(), |ui| {
            let of = |text: &str| FigureText::new(ui, text, |part| RichText::new(part));
            let widths = ["1\u{2009}111 waiting", "4\u{2009}085 waiting"].map(|text| of(text).size().x);
            assert!((widths[0] - widths[1]).abs() < 0.01, "{widths:?}");
            let parts: Vec<_> =
                of("p95 12 ms").pieces.iter().map(|(_, galley)| galley.text().to_owned()).collect();
            assert_eq!(parts, ["p", "9", "5", " ", "1", "2", " ms"]);
            let [space, none] = ["1 2", "12"].map(|text| of(text).size().x);
            assert!(space > none + 1.0, "a space has a width: {space}, {none}");
            let plain = WidgetText::from("waiting").into_galley(ui, None, f32::INFINITY, TextStyle::Body);
            assert_eq!(of("waiting").size(), plain.size());
            assert_eq!(of("").size(), Vec2::ZERO);
        });
        // Nothing is painted.
        output.textures_delta.clear();
    }
}
