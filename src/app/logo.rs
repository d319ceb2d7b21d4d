//! The product's logo: two small streams that join a big one. Painted, so that it is sharp at every size.

use eframe::egui::{
    self, IconData, Pos2, Rect, Sense, Stroke, Ui, Vec2,
    epaint::{CubicBezierShape, PathStroke},
    pos2,
};

use super::theme::tokens;

/// The streams as cubic curves in a unit square, and their widths.
const STREAMS: [([(f32, f32); 4], f32); 3] = [
    ([(0.30, 0.21), (0.30, 0.50), (0.58, 0.46), (0.58, 0.79)], 0.14),
    ([(0.75, 0.25), (0.75, 0.40), (0.66, 0.44), (0.575, 0.56)], 0.095),
    ([(0.50, 0.20), (0.50, 0.26), (0.47, 0.33), (0.42, 0.38)], 0.075),
];

/// The logo in a rounded square.
pub(super) fn logo_ui(ui: &mut Ui, size: f32) {
    let t = tokens(ui);
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(size), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "Tributary"));
    ui.painter().rect_filled(rect, size * 0.28, t.accent);
    for (points, width) in STREAMS {
        let stroke = Stroke::new(width * size, t.on_accent);
        let points = points.map(|p| place(rect, p));
        for end in [points[0], points[3]] {
            ui.painter().circle_filled(end, width * size / 2.0, t.on_accent);
        }
        ui.painter().add(CubicBezierShape::from_points_stroke(
            points,
            false,
            egui::Color32::TRANSPARENT,
            PathStroke::from(stroke),
        ));
    }
}

fn place(rect: Rect, (x, y): (f32, f32)) -> Pos2 {
    pos2(rect.left() + x * rect.width(), rect.top() + y * rect.height())
}

/// The logo as pixels, for the task bar.
pub(super) fn window_icon() -> IconData {
    const SIZE: u8 = 64;
    let t = super::theme::brand();
    let side = f32::from(SIZE);
    let curves: Vec<(Vec<(f32, f32)>, f32)> = STREAMS
        .iter()
        .map(|(p, width)| ((0..=48_u8).map(|i| bezier(p, f32::from(i) / 48.0)).collect(), *width))
        .collect();
    let mut rgba = Vec::with_capacity(usize::from(SIZE) * usize::from(SIZE) * 4);
    for y in 0..SIZE {
        for x in 0..SIZE {
            let at = ((f32::from(x) + 0.5) / side, (f32::from(y) + 0.5) / side);
            let near = curves
                .iter()
                .flat_map(|(points, width)| {
                    points.iter().map(move |p| (p.0 - at.0).hypot(p.1 - at.1) - width / 2.0)
                })
                .fold(f32::MAX, f32::min);
            // The corner's radius is 0.28 of the side, as above.
            let (dx, dy) = (((at.0 - 0.5).abs() - 0.22).max(0.0), ((at.1 - 0.5).abs() - 0.22).max(0.0));
            let inside = (0.5 - (dx.hypot(dy) - 0.28) * side).clamp(0.0, 1.0);
            let on_stream = (0.5 - near * side).clamp(0.0, 1.0);
            let color = t.0.lerp_to_gamma(t.1, on_stream).gamma_multiply(inside);
            rgba.extend_from_slice(&color.to_srgba_unmultiplied());
        }
    }
    IconData { rgba, width: u32::from(SIZE), height: u32::from(SIZE) }
}

fn bezier(p: &[(f32, f32); 4], t: f32) -> (f32, f32) {
    let u = 1.0 - t;
    let weights = [u * u * u, 3.0 * u * u * t, 3.0 * u * t * t, t * t * t];
    p.iter().zip(weights).fold((0.0, 0.0), |sum, (p, w)| (sum.0 + p.0 * w, sum.1 + p.1 * w))
}
