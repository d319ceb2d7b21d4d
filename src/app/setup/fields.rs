//! The fields for the region and the account.

use eframe::egui::{self, CompletionPopup, Id, Label, RectAlign, RichText, Suggestion, Ui};
use lucide_icons::Icon;

use super::{
    super::{
        theme::{tokens, weight},
        widgets::{self, Tone},
    },
    faults::Faults,
    step::small_ui,
};
use crate::{aws, config};

/// `other`: the account of the keys, where it is not the one that is typed.
pub(super) fn account_ui(ui: &mut Ui, account: &mut String, fault: Option<&str>, other: Option<&str>) {
    widgets::field_ui(ui, "AWS account id", account, "123456789012", fault);
    small_ui(ui, "Only the policy needs it. “Who am I?” and the check fill it in.");
    if let Some(other) = other {
        let text = format!("These keys belong to the account {other}, but the policy names a different one.");
        widgets::message_ui(ui, Tone::Attention, &text);
        ui.horizontal(|ui| {
            if widgets::button_ui(ui, Icon::Check, &format!("Use {other}")).clicked() {
                other.clone_into(account);
            }
        });
    }
}

/// Names and codes are searched; any other text is kept, for a region that is newer than this app.
pub(super) fn region_ui(ui: &mut Ui, region: &mut String, faults: &Faults) {
    let t = tokens(ui);
    let error = faults.region.as_deref();
    ui.spacing_mut().item_spacing.y = 5.0;
    let name = ui.label(weight("AWS region", 560.0));
    let known = aws::region(region);
    ui.scope(|ui| {
        widgets::edge_ui(ui, error.is_some());
        let width = ui.available_width().min(widgets::FIELD_WIDTH_MAX);
        let edit = widgets::text_edit(region, "eu-west-1, or Ireland").desired_width(width);
        let output = CompletionPopup::new(Id::unique("region"))
            .align(RectAlign::BOTTOM_START)
            .word_boundary(|_| false)
            .max_height(260.0)
            .accept_keys([egui::Key::Enter])
            .show(ui, edit, |query| {
                if aws::region(query.text).is_some() {
                    return Vec::new();
                }
                let found = aws::search(query.text);
                found.into_iter().map(|r| Suggestion::new(r.code).description(r.name)).collect()
            });
        widgets::keep_focus(&output.text_edit.response.response, error.is_some());
        // A name has spaces, and is searched for with them; a code has none.
        let text = region.trim();
        if output.text_edit.response.response.lost_focus() || config::check_region(text).is_ok() {
            region.truncate(region.trim_end().len());
            region.drain(..region.len() - region.trim_start().len());
        }
        output.text_edit.response.response.labelled_by(name.id);
    });
    widgets::error_ui(ui, error);
    if error.is_none() && faults.is_region_unknown {
        let text = "Tributary does not know this region. Check the spelling, unless AWS has just added it.";
        ui.add(Label::new(RichText::new(text).size(12.0).color(t.warn)).wrap());
    } else if error.is_none() {
        let text = known.map_or("Code or name; type to search", |region| region.name);
        ui.label(RichText::new(text).size(12.0).color(t.weak));
    }
}
