//! The theme: one table of colours for dark and one for light, type sizes, corners and spacing, set once in both egui styles.
//! No other file names a colour. Fonts are Inter, `JetBrains` Mono and Lucide's icons, all embedded, so the
//! window looks the same on every system; what they lack (other scripts in event payloads) comes from the system.

use eframe::egui::{
    self, Color32, CornerRadius, FontData, FontDefinitions, FontFamily, Margin, RichText, Stroke, TextStyle,
    Theme, Vec2,
    epaint::{Shadow, text::FontTweak},
};

/// The colours of a theme, named by their purpose.
pub(super) struct Tokens {
    /// The background of the window, the rail and the status line.
    pub window: Color32,
    /// The background of a page.
    pub panel: Color32,
    /// The background of cards and popups.
    pub raised: Color32,
    /// Text fields and code.
    pub field: Color32,
    /// Hairlines and outlines.
    pub line: Color32,
    /// Outlines of what can be pressed or typed into.
    pub edge: Color32,
    /// The background of what is under the pointer.
    pub hover: Color32,
    /// The background of what is pressed.
    pub press: Color32,
    /// Running text.
    pub text: Color32,
    /// Less important text.
    pub weak: Color32,
    /// Titles and values.
    pub strong: Color32,
    /// The accent colour.
    pub accent: Color32,
    /// The accent colour under the pointer.
    pub accent_hover: Color32,
    /// Text and icons on the accent colour.
    pub on_accent: Color32,
    /// The background of what is selected.
    pub accent_soft: Color32,
    /// Success.
    pub ok: Color32,
    /// Warnings.
    pub warn: Color32,
    /// Errors.
    pub err: Color32,
    /// JSON keys.
    pub code_key: Color32,
    /// JSON strings.
    pub code_string: Color32,
    /// Numbers.
    pub code_number: Color32,
    /// `true`, `false`, `null`, keywords.
    pub code_word: Color32,
}

#[expect(clippy::disallowed_methods, reason = "this is the one place of colours")]
const fn hex(rgb: u32) -> Color32 {
    let [_, r, g, b] = rgb.to_be_bytes();
    Color32::from_rgb(r, g, b)
}

static DARK: Tokens = Tokens {
    window: hex(0x000c_0f14),
    panel: hex(0x0012_161d),
    raised: hex(0x0018_1d26),
    field: hex(0x000b_0e13),
    line: hex(0x0025_2b36),
    edge: hex(0x0033_3b49),
    hover: hex(0x0021_2833),
    press: hex(0x002b_3442),
    text: hex(0x00c4_ccd8),
    weak: hex(0x008a_95a6),
    strong: hex(0x00f1_f4f9),
    accent: hex(0x002f_8fff),
    accent_hover: hex(0x0051_a2ff),
    on_accent: hex(0x0000_1024),
    accent_soft: hex(0x0016_2d4d),
    ok: hex(0x003f_c98a),
    warn: hex(0x00eb_b545),
    err: hex(0x00f7_6f75),
    code_key: hex(0x007f_b7ff),
    code_string: hex(0x0090_d7a6),
    code_number: hex(0x00f0_b77a),
    code_word: hex(0x00d3_a1f5),
};

static LIGHT: Tokens = Tokens {
    window: hex(0x00f1_f3f6),
    panel: hex(0x00fa_fbfc),
    raised: hex(0x00ff_ffff),
    field: hex(0x00ff_ffff),
    line: hex(0x00e1_e5eb),
    edge: hex(0x00cb_d2dc),
    hover: hex(0x00ea_eef3),
    press: hex(0x00dd_e3eb),
    text: hex(0x0036_3f4d),
    weak: hex(0x005f_6a7b),
    strong: hex(0x000f_141c),
    accent: hex(0x0014_66d8),
    accent_hover: hex(0x0010_59bf),
    on_accent: hex(0x00ff_ffff),
    accent_soft: hex(0x00dc_ebff),
    ok: hex(0x000f_7a45),
    warn: hex(0x0091_5f00),
    err: hex(0x00c0_2633),
    code_key: hex(0x000b_56b5),
    code_string: hex(0x001b_7a3f),
    code_number: hex(0x00a8_4b00),
    code_word: hex(0x0082_3bbd),
};

/// Chooses a theme. The frame is drawn again, so that no frame mixes the colours of both.
pub(super) fn choose(ctx: &egui::Context, theme: impl Into<egui::ThemePreference>) {
    ctx.set_theme(theme);
    ctx.request_discard("the theme was chosen");
}

/// The colours of the theme in use.
pub(super) fn tokens(ctx: &egui::Context) -> &'static Tokens {
    of(ctx.theme())
}

fn of(theme: Theme) -> &'static Tokens {
    match theme {
        Theme::Dark => &DARK,
        Theme::Light => &LIGHT,
    }
}

/// The logo's colours: background and streams.
pub(super) fn brand() -> (Color32, Color32) {
    (DARK.accent, DARK.on_accent)
}

/// A weight of the variable UI font, e.g. `weight("Save", 600.0)`.
pub(super) fn weight(text: impl Into<String>, wght: f32) -> RichText {
    RichText::new(text).variation(b"wght", wght)
}

/// The family that holds icons and nothing else.
pub(super) fn icons() -> FontFamily {
    FontFamily::Name("icons".into())
}

/// An icon as text.
pub(super) fn icon(icon: lucide_icons::Icon) -> RichText {
    RichText::new(char::from(icon)).family(icons())
}

/// Installs the fonts and both styles. Called once, at the start.
pub(super) fn install(ctx: &egui::Context) {
    ctx.set_fonts(fonts());
    for theme in [Theme::Dark, Theme::Light] {
        ctx.style_mut_of(theme, |style| apply(style, of(theme), theme));
    }
}

fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::empty();
    let mut inter = FontData::from_static(include_bytes!("../../assets/fonts/Inter-roman.var.ttf"));
    inter.tweak.coords.push(b"wght", 450.0);
    fonts.font_data.insert("Inter".into(), inter.into());
    let mono = FontData::from_static(include_bytes!("../../assets/fonts/JetBrainsMono-Regular.ttf"));
    fonts.font_data.insert("JetBrains Mono".into(), mono.into());
    let lucide = FontData::from_static(lucide_icons::LUCIDE_FONT_BYTES).tweak(FontTweak {
        y_offset_factor: 0.08,
        scale: 1.1,
        ..Default::default()
    });
    fonts.font_data.insert("lucide".into(), lucide.into());
    fonts.families.insert(FontFamily::Proportional, vec!["Inter".into()]);
    fonts.families.insert(FontFamily::Monospace, vec!["JetBrains Mono".into(), "Inter".into()]);
    // A family of its own: Inter has glyphs in the same private-use area as the icon font.
    fonts.families.insert(icons(), vec!["lucide".into()]);
    fonts
}

fn apply(style: &mut egui::Style, t: &Tokens, theme: Theme) {
    for (text_style, size) in [
        (TextStyle::Small, 11.5),
        (TextStyle::Body, 13.0),
        (TextStyle::Button, 13.0),
        (TextStyle::Monospace, 12.0),
        (TextStyle::Heading, 20.0),
    ] {
        if let Some(font) = style.text_styles.get_mut(&text_style) {
            font.size = size;
        }
    }
    let s = &mut style.spacing;
    s.item_spacing = Vec2::new(8.0, 8.0);
    s.button_padding = Vec2::new(12.0, 6.0);
    s.interact_size.y = 30.0;
    s.menu_margin = Margin::same(6);
    s.combo_height = 320.0;
    s.tooltip_width = 420.0;
    s.scroll.bar_width = 8.0;
    s.scroll.floating = true;
    style.interaction.selectable_labels = true;
    style.interaction.tooltip_delay = 0.35;

    let v = &mut style.visuals;
    v.panel_fill = t.panel;
    v.window_fill = t.raised;
    v.extreme_bg_color = t.field;
    v.text_edit_bg_color = Some(t.field);
    v.faint_bg_color = t.hover.gamma_multiply(0.35);
    v.code_bg_color = t.hover;
    v.window_stroke = Stroke::new(1.0, t.edge);
    v.window_corner_radius = CornerRadius::same(12);
    v.menu_corner_radius = CornerRadius::same(8);
    v.hyperlink_color = t.accent;
    v.warn_fg_color = t.warn;
    v.error_fg_color = t.err;
    v.selection.bg_fill = t.accent_soft;
    v.selection.stroke = Stroke::new(1.0, t.accent);
    v.weak_text_color = Some(t.weak);
    let depth = match theme {
        Theme::Dark => 120,
        Theme::Light => 36,
    };
    v.popup_shadow = Shadow { offset: [0, 6], blur: 18, spread: 0, color: Color32::from_black_alpha(depth) };
    v.window_shadow =
        Shadow { offset: [0, 12], blur: 40, spread: 0, color: Color32::from_black_alpha(depth) };
    widgets(&mut v.widgets, t);
    // In a table that scrolls, other rows take the same positions, so egui's warning about changed ids is noise.
    #[cfg(debug_assertions)]
    {
        style.debug.warn_if_rect_changes_id = false;
    }
}

fn widgets(w: &mut egui::style::Widgets, t: &Tokens) {
    for visuals in [&mut w.noninteractive, &mut w.inactive, &mut w.hovered, &mut w.active, &mut w.open] {
        visuals.corner_radius = CornerRadius::same(7);
        visuals.expansion = 0.0;
    }
    w.noninteractive.bg_fill = t.panel;
    w.noninteractive.weak_bg_fill = t.panel;
    w.noninteractive.bg_stroke = Stroke::new(1.0, t.line);
    w.noninteractive.fg_stroke.color = t.text;
    w.inactive.weak_bg_fill = t.raised;
    w.inactive.bg_fill = t.hover;
    w.inactive.bg_stroke = Stroke::new(1.0, t.edge);
    w.inactive.fg_stroke.color = t.text;
    w.hovered.weak_bg_fill = t.hover;
    w.hovered.bg_fill = t.hover;
    w.hovered.bg_stroke = Stroke::new(1.0, t.edge);
    w.hovered.fg_stroke.color = t.strong;
    // egui also uses this style for the widget with the keyboard's focus, so its outline is the focus ring.
    w.active.weak_bg_fill = t.press;
    w.active.bg_fill = t.press;
    w.active.bg_stroke = Stroke::new(1.0, t.accent);
    w.active.fg_stroke.color = t.strong;
    w.open.weak_bg_fill = t.hover;
    w.open.bg_stroke = Stroke::new(1.0, t.edge);
}
