//! The widgets of the places. They draw and return what the user did, and depend on no place, command or engine. Each has a name
//! for screen readers and tests.

mod button;
mod card;
mod choice;
mod code;
mod field;
mod figure_text;
mod figures;
mod keyboard;
mod list;
mod menu;
mod page;
mod text;

pub(super) use button::{
    answers_ui, button_ui, danger_button_ui, icon_button_ui, link_ui, primary_button_ui,
};
pub(super) use card::{
    Tone, card_ui, divider_ui, dot_ui, empty_ui, fact_ui, heading_ui, message_ui, pill_ui, title_ui,
};
pub(super) use choice::{choices_ui, segments_ui, segments_wrapped_ui};
pub(super) use code::{code_copy_ui, code_marked_ui, code_ui};
pub(super) use field::{
    FIELD_WIDTH_MAX, checkbox_ui, edge_ui, error_ui, example, field_ui, menu_edit_ui, switch_ui, text_edit,
};
pub(super) use figure_text::FigureText;
pub(super) use figures::{age, age_ui, ago_ui, bytes, digits, duration, rate};
pub(super) use keyboard::{
    ListKeys, Step, focus_once, is_answered_with_enter, is_left_with, keep_focus, list_keys, name_ui,
    ring_ui, row_name_ui,
};
pub(super) use list::List;
pub(super) use menu::{action_ui, actions_ui};
pub(super) use page::{Revealed, beside_ui, follow_focus, keep_length, middle, open_panel, page_ui, reveal};
pub(super) use text::{capital, contains_words, hint_ui, shortened, shortened_to, words};
