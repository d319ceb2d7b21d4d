//! A line of text whose figures change while one looks at it. Each digit is laid out by itself and stands at a full pixel, so a
//! new figure costs no new layout and no new picture of a digit: these would cost more than everything else in its box.

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
        let (mut pieces, mut size) = (Vec::new(), Vec2::ZERO);
        let mut rest = text;
        while !rest.is_empty() {
            let digits = usize::from(rest.starts_with(|c: char| c.is_ascii_digit()));
            let words = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            let (part, after) = rest.split_at(words.max(digits));
            let galley = galley(part);
            let Vec2 { x: width, y: height } = galley.size();
            let is_one_piece = part.len() == text.len();
            let width = if is_one_piece { width } else { width.round_to_pixels(ui.pixels_per_point()) };
            pieces.push((size.x, galley));
            size = vec2(size.x + width, size.y.max(height));
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
    fn digits_stand_at_full_pixels_and_words_stay_whole() {
        let ctx = Context::default();
        let mut output = ctx.run_ui(RawInput::default(), |ui| {
            let of = |text: &str| FigureText::new(ui, text, |part| RichText::new(part));
            let text = of("p95 12 ms");
            let parts: Vec<_> = text.pieces.iter().map(|(_, galley)| galley.text().to_owned()).collect();
            assert_eq!(parts, ["p", "9", "5", " ", "1", "2", " ms"]);
            let places: Vec<_> = text.pieces.iter().map(|(left, _)| *left).collect();
            assert!(
                places.iter().all(|left| left.fract() < f32::EPSILON) && places.is_sorted(),
                "{places:?}"
            );
            let [space, none] = ["1 2", "12"].map(|text| of(text).size().x);
            assert!(space > none + 1.0, "a space has a width: {space}, {none}");
            let plain = WidgetText::from("p95 12 ms").into_galley(ui, None, f32::INFINITY, TextStyle::Body);
            let differs = (text.size().x - plain.size().x).abs();
            assert!(differs < 4.0, "it is as wide as other text, within half a pixel a piece: {differs}");
            assert_eq!(of("").size(), Vec2::ZERO);
        });
        // Nothing is painted.
        output.textures_delta.clear();
    }
}
