//! A sparkline: one value for each second as a small area chart, without axes.

use eframe::egui::{Color32, Mesh, Painter, Pos2, Rect, Shape, Stroke, pos2};

/// The top of the chart is at least this value, so that one single event is no mountain.
const TOP_MIN: f32 = 4.0;

/// Paints the series into the rectangle, the newest value at its right edge.
pub(super) fn paint(painter: &Painter, rect: Rect, series: &[f32], color: Color32) {
    let top = series.iter().copied().fold(TOP_MIN, f32::max);
    let step = rect.width() / series.len().saturating_sub(1).max(1) as f32;
    let point = |(at, value): (usize, &f32)| -> Pos2 {
        pos2(rect.left() + step * at as f32, rect.bottom() - rect.height() * (value / top))
    };
    let points: Vec<Pos2> = series.iter().enumerate().map(point).collect();
    if !series.iter().any(|value| *value > 0.0) {
        // Nothing happened: a base line that draws no attention.
        painter.hline(rect.x_range(), rect.bottom(), Stroke::new(1.0, color.gamma_multiply(0.35)));
        return;
    }
    painter.add(area(&points, rect.bottom(), color.gamma_multiply(0.22)));
    painter.add(Shape::line(points, Stroke::new(1.2, color)));
}

/// The area between the points and the base line.
fn area(points: &[Pos2], base: f32, color: Color32) -> Mesh {
    let mut mesh = Mesh::default();
    for (at, point) in (0_u32..).zip(points) {
        mesh.colored_vertex(*point, color);
        mesh.colored_vertex(pos2(point.x, base), color);
        if at > 0 {
            let [before, below_before, here, below] = [2 * at - 2, 2 * at - 1, 2 * at, 2 * at + 1];
            mesh.add_triangle(before, below_before, here);
            mesh.add_triangle(below_before, below, here);
        }
    }
    mesh
}
