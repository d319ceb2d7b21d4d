//! The left rail: the product's logo, the five places, the theme and the settings' gear. Narrow windows get icons only.

use eframe::egui::{
    self, Align, Button, Frame, Layout, Margin, Panel, RichText, Ui, Vec2, Widget as _, vec2,
};
use lucide_icons::Icon;

use super::{
    command::{self, Command, WindowCommand},
    logo,
    place::Place,
    seen::Seen,
    theme::{self, tokens, weight},
    widgets,
};

/// Below this width of the window the rail has icons only.
const NARROW: f32 = 1040.0;

/// Draws the rail. `attention`: Set up needs the user.
pub(super) fn panel_ui(ui: &mut Ui, seen: &mut Seen<'_>, attention: bool) {
    let t = tokens(ui);
    let wide = ui.available_width() >= NARROW;
    let bottom = ui.available_rect_before_wrap().bottom();
    let rail = Panel::left("rail")
        .show_separator_line(false)
        .exact_size(if wide { 208.0 } else { 60.0 })
        .resizable(false)
        .frame(Frame::new().fill(t.window).inner_margin(Margin::symmetric(12, 14)))
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                logo::logo_ui(ui, if wide { 32.0 } else { 36.0 });
                if wide {
                    ui.add_space(2.0);
                    ui.vertical(|ui| {
                        ui.spacing_mut().item_spacing.y = 0.0;
                        ui.label(weight("Tributary", 700.0).size(15.0).color(t.strong));
                        ui.label(RichText::new("Events to Kinesis").small().color(t.weak));
                    });
                }
            });
            ui.add_space(16.0);
            // Once for all items: each change in a scope of its own would copy the whole style.
            ui.spacing_mut().item_spacing.y = 3.0;
            ui.spacing_mut().button_padding = if wide { vec2(10.0, 6.0) } else { vec2(10.0, 8.0) };
            ui.visuals_mut().widgets.hovered.bg_stroke = egui::Stroke::NONE;
            for place in Place::RAIL {
                item_ui(ui, seen, place, (wide, place == Place::SetUp && attention));
            }
            ui.with_layout(Layout::bottom_up(Align::Min), |ui| {
                theme_ui(ui, seen, wide);
                ui.add_space(4.0);
                item_ui(ui, seen, Place::Settings, (wide, false));
            });
        });
    let edge = rail.response.rect;
    ui.painter().vline(edge.right() - 0.5, edge.top()..=bottom, egui::Stroke::new(1.0, t.line));
}

fn item_ui(ui: &mut Ui, seen: &mut Seen<'_>, place: Place, (wide, attention): (bool, bool)) {
    let t = tokens(ui);
    let selected = place == seen.place;
    let color = if selected { t.strong } else { t.text };
    let icon = theme::icon(place.icon()).size(15.0).color(if selected { t.accent } else { t.weak });
    let size = vec2(ui.available_width(), 34.0);
    let button = if wide {
        let name = weight(place.title(), if selected { 640.0 } else { 480.0 }).color(color);
        let keys = Command::Go(place).keys().map(|keys| command::keys_text(ui, keys));
        let keys = RichText::new(keys.unwrap_or_default()).small().color(t.weak);
        Button::selectable(selected, (icon, name)).right_text(keys)
    } else {
        Button::selectable(selected, icon)
    };
    let button = if selected { button.fill(t.hover).stroke(egui::Stroke::NONE) } else { button };
    let response = button.frame_when_inactive(selected).min_size(size).ui(ui).accessible_name(place.title());
    if selected {
        widgets::ring_ui(ui, &response, 7.0);
    }
    if attention {
        let at = if wide {
            response.rect.left_top() + vec2(25.0, 9.0)
        } else {
            response.rect.right_top() + vec2(-9.0, 9.0)
        };
        ui.painter().circle(at, 4.0, t.warn, egui::Stroke::new(1.5, t.window));
    }
    let response = if wide { response } else { response.on_hover_text(place.title()) };
    if response.clicked() {
        seen.go(place);
    }
}

fn theme_ui(ui: &mut Ui, seen: &mut Seen<'_>, wide: bool) {
    use egui::ThemePreference::{Dark, Light, System};
    let t = tokens(ui);
    let current = ui.options(|o| o.theme_preference);
    let choices = [
        (System, Icon::Monitor, "Follow the system theme"),
        (Dark, Icon::Moon, "Dark theme"),
        (Light, Icon::Sun, "Light theme"),
    ];
    if !wide {
        let at = choices.iter().position(|c| c.0 == current).unwrap_or_default();
        let next = choices[(at + 1) % choices.len()].0;
        let name = format!("Theme: {}", choices[at].2.to_lowercase());
        let button =
            Button::new(theme::icon(choices[at].1).size(14.0).color(t.weak)).frame_when_inactive(false);
        let response = ui
            .scope(|ui| {
                ui.spacing_mut().button_padding = Vec2::ZERO;
                ui.add_sized(vec2(36.0, 30.0), button).accessible_name(name.clone()).on_hover_text(name)
            })
            .inner;
        if response.clicked() {
            seen.push(Command::Window(WindowCommand::Theme(next)));
        }
        return;
    }
    Frame::new().fill(t.field).stroke(egui::Stroke::new(1.0, t.line)).corner_radius(9).inner_margin(3).show(
        ui,
        |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 2.0;
                ui.spacing_mut().button_padding = Vec2::ZERO;
                let width = (ui.available_width() - 4.0) / 3.0;
                for (choice, icon, name) in choices {
                    let selected = current == choice;
                    let glyph = theme::icon(icon).size(13.0).color(if selected { t.strong } else { t.weak });
                    let mut button = Button::selectable(selected, glyph).corner_radius(6);
                    if selected {
                        button = button.fill(t.press);
                    }
                    if ui
                        .add_sized(vec2(width, 24.0), button)
                        .accessible_name(name)
                        .on_hover_text(name)
                        .clicked()
                    {
                        seen.push(Command::Window(WindowCommand::Theme(choice)));
                    }
                }
            });
        },
    );
}
