//! Draws the window into a picture on the CPU: without a display, without a graphics card, the same on every machine.

use std::collections::HashMap;

use dream_soft_render::{ClipRect, Color, MAX_SURFACE_PIXELS, Mesh, SoftwareRenderer, TextureId, Vertex};
use eframe::egui::{self, Color32, TexturesDelta, epaint};
use egui_kittest::TestRenderer;
use image::RgbaImage;

/// Draws what egui has laid out.
#[derive(Default)]
pub struct PictureRenderer {
    renderer: SoftwareRenderer,
    textures: HashMap<egui::TextureId, TextureId>,
}

impl PictureRenderer {
    /// The textures that egui has changed since the last call.
    fn update(&mut self, delta: &mut TexturesDelta) -> Result<(), dream_soft_render::Error> {
        for (id, changes) in delta.set.drain() {
            for change in changes {
                self.change(id, &change)?;
            }
        }
        for id in delta.free.drain() {
            if let Some(texture) = self.textures.remove(&id) {
                self.renderer.free_texture(texture)?;
            }
        }
        Ok(())
    }

    fn change(
        &mut self,
        id: egui::TextureId,
        change: &epaint::ImageDelta,
    ) -> Result<(), dream_soft_render::Error> {
        let egui::ImageData::Color(image) = &change.image;
        let [width, height] = image.size;
        let bytes: Vec<u8> = image.pixels.iter().flat_map(Color32::to_array).collect();
        if let (Some([x, y]), Some(texture)) = (change.pos, self.textures.get(&id)) {
            return self.renderer.update_texture(*texture, x, y, width, height, &bytes);
        }
        if let Some(old) = self.textures.remove(&id) {
            self.renderer.free_texture(old)?;
        }
        self.textures.insert(id, self.renderer.create_texture(width, height, &bytes)?);
        Ok(())
    }

    /// A part of the picture, as wide as the picture: `rows` pixel rows from `top`.
    fn band(
        &mut self,
        drawn: &[egui::ClippedPrimitive],
        [width, rows]: [u32; 2],
        top: u32,
    ) -> Result<Vec<u8>, dream_soft_render::Error> {
        let mut frame = self.renderer.begin_frame(width as usize, rows as usize)?;
        frame.clear(Color::from_rgb(0, 0, 0));
        let up = top as f32;
        for primitive in drawn {
            let epaint::Primitive::Mesh(mesh) = &primitive.primitive else { continue };
            let vertex = |vertex: &epaint::Vertex| {
                let [red, green, blue, alpha] = vertex.color.to_array();
                let color = Color::from_rgba_premultiplied(red, green, blue, alpha);
                Vertex::new([vertex.pos.x, vertex.pos.y - up], [vertex.uv.x, vertex.uv.y], color)
            };
            let vertices: Vec<Vertex> = mesh.vertices.iter().map(vertex).collect();
            let texture = self.textures.get(&mesh.texture_id).copied();
            let clip = primitive.clip_rect.translate(egui::vec2(0.0, -up));
            let [left, upper] = [pixels(clip.min.x), pixels(clip.min.y)];
            let clip = ClipRect::new(left, upper, pixels(clip.max.x), pixels(clip.max.y));
            frame.mesh(Mesh { vertices: &vertices, indices: &mesh.indices, texture }, clip)?;
        }
        Ok(frame.surface().pixels.clone())
    }

    fn picture(
        &mut self,
        ctx: &egui::Context,
        output: &egui::FullOutput,
    ) -> Result<RgbaImage, dream_soft_render::Error> {
        let drawn = ctx.tessellate(output.shapes.clone(), output.pixels_per_point);
        let size = ctx.content_rect().size();
        let (width, height) = (pixels(size.x), pixels(size.y));
        let rows_max = u32::try_from(MAX_SURFACE_PIXELS).expect("a picture's size") / width;
        let mut pixels = Vec::new();
        for top in (0..height).step_by(rows_max as usize) {
            pixels.extend(self.band(&drawn, [width, rows_max.min(height - top)], top)?);
        }
        Ok(RgbaImage::from_raw(width, height, pixels).expect("the bands make up the picture"))
    }
}

/// A place or length in whole pixels; none is below zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a window's sides are small, and not negative here"
)]
fn pixels(points: f32) -> u32 {
    points.round().max(0.0) as u32
}

impl TestRenderer for PictureRenderer {
    fn handle_delta(&mut self, delta: &mut TexturesDelta) {
        self.update(delta).expect("egui's textures are well formed");
    }

    fn render(&mut self, ctx: &egui::Context, output: &egui::FullOutput) -> Result<RgbaImage, String> {
        self.picture(ctx, output).map_err(|error| error.to_string())
    }
}
