//! The stream step: region, name and account of the stream, and the account's streams to choose from.

use eframe::egui::{self, CompletionPopup, Id, Label, RectAlign, RichText, Suggestion, Ui};
use lucide_icons::Icon;

use super::{
    super::{
        seen::Seen,
        theme::{tokens, weight},
        widgets::{self, Tone},
    },
    draft_faults::DraftFaults,
    filled_in,
    step::{small_ui, two_ui},
    streams::Streams,
};
use crate::{
    aws,
    config::{self, Config},
    policy,
};

/// Draws the step. `other_account`: the account of the keys, if it differs from the account in the form. `focus`: give the
/// focus to the stream's field.
pub(super) fn stream_ui(
    ui: &mut Ui,
    seen: &mut Seen<'_>,
    (draft, focus): (&mut Config, &mut bool),
    other_account: Option<&str>,
    streams: &mut Streams,
) {
    let faults = &DraftFaults::of(draft);
    let missing = faults.of_account(draft);
    let destination = &mut draft.destination;
    let url = policy::ConsolePage::CreateStream.url(&destination.region);
    ui.horizontal_wrapped(|ui| {
        widgets::hint_ui(ui, "No stream yet?");
        // Some partitions have no public console, and then there is no link.
        if let Some(url) = url.filter(|_| destination.endpoint_url.is_empty()) {
            widgets::link_ui(ui, "Create one in the AWS console", &url);
        }
        widgets::link_ui(ui, "How", policy::HOW_TO_CREATE_STREAM);
    });
    two_ui(
        ui,
        |ui, destination: &mut config::Destination| {
            // In a vertical layout, because a column stretches its contents.
            ui.vertical(|ui| region_ui(ui, &mut destination.region, faults));
        },
        |ui, destination| name_ui(ui, destination, faults.stream.as_deref(), focus),
        destination,
    );
    let fault = faults.account_id.as_deref();
    account_ui(ui, &mut destination.account_id, fault, other_account);
    streams.ui(ui, seen, draft, missing.as_deref());
}

/// The field for the stream. It also takes an ARN, or a web address that names the stream or its server.
fn name_ui(ui: &mut Ui, destination: &mut config::Destination, fault: Option<&str>, focus: &mut bool) {
    let hint = &widgets::example("clickstream, or an ARN");
    let field = widgets::field_ui(ui, "Stream name", &mut destination.stream, hint, fault);
    widgets::focus_once(&field, focus);
    if field.changed() {
        destination.stream = destination.stream.trim().to_owned();
        filled_in::from_arn(destination);
    }
    // An address that is being typed is complete when the field is left.
    let is_pasted = |event: &egui::Event| matches!(event, egui::Event::Paste(_));
    if field.lost_focus() || (field.changed() && ui.input(|input| input.events.iter().any(is_pasted))) {
        filled_in::from_url(destination);
    }
    if fault.is_none() {
        small_ui(ui, "Its name, its ARN, or its address in the AWS console");
    }
}

/// `other`: the account of the keys, if it differs from the account in the form.
fn account_ui(ui: &mut Ui, account: &mut String, fault: Option<&str>, other: Option<&str>) {
    widgets::field_ui(ui, "AWS account id", account, &widgets::example("123456789012"), fault);
    small_ui(ui, "Only the policy needs it. The keys and the check fill it in.");
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

/// The field for the region. It searches names and codes, and accepts any other text, for regions newer than this app.
fn region_ui(ui: &mut Ui, region: &mut String, faults: &DraftFaults) {
    let t = tokens(ui);
    let error = faults.region.as_deref();
    ui.spacing_mut().item_spacing.y = 5.0;
    let name = ui.label(weight("AWS region", 560.0));
    let known = aws::region(region);
    ui.scope(|ui| {
        widgets::edge_ui(ui, error.is_some());
        let width = ui.available_width().min(widgets::FIELD_WIDTH_MAX);
        let edit =
            widgets::text_edit(region, &widgets::example("eu-west-1, or Ireland")).desired_width(width);
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
        // Search with the spaces, because names contain some. A code has none, so it is trimmed.
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
