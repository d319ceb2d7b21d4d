//! The field for a profile of AWS's files, and what the files say about the profile.

use std::time::Duration;

use eframe::egui::{CompletionPopup, Id, Key, RectAlign, Suggestion, Ui};

use super::{
    super::{
        command::{AccountCommand, Command},
        seen::Seen,
        sign_in,
        theme::weight,
        widgets,
    },
    step::small_ui,
};
use crate::{
    delivery::{Profile, ProfileKind},
    remedy::{SignIn, SignInWith},
};

/// How often AWS's files are read again while a profile is shown, because other programs change them.
const READ_EVERY: Duration = Duration::from_secs(2);

/// The field for the profile's name, and the mistake in it. It suggests the names in AWS's files, and accepts any other name, for a profile that is
/// made later.
pub(super) fn chosen_ui(
    ui: &mut Ui,
    seen: &mut Seen<'_>,
    (name, error): (&mut String, Option<&str>),
    region: &mut String,
    focus: &mut bool,
) {
    if named_ui(ui, seen, ("Profile", error), name, focus)
        && let Some(of_profile) = seen.account.profile(name).and_then(|one| one.region.as_deref())
        && region.is_empty()
    {
        of_profile.clone_into(region);
    }
    known_ui(ui, seen, name);
}

/// The field for a profile with another purpose than the destination.
pub(super) fn field_ui(ui: &mut Ui, seen: &mut Seen<'_>, label: &str, name: &mut String) {
    named_ui(ui, seen, (label, None), name, &mut false);
}

/// True when the name changed.
fn named_ui(
    ui: &mut Ui,
    seen: &mut Seen<'_>,
    (label, error): (&str, Option<&str>),
    name: &mut String,
    focus: &mut bool,
) -> bool {
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 5.0;
        let named = ui.label(weight(label, 560.0));
        let changed = ui.scope(|ui| {
            widgets::edge_ui(ui, error.is_some());
            let width = ui.available_width().min(widgets::FIELD_WIDTH_MAX);
            let edit = widgets::text_edit(name, "default").desired_width(width);
            let profiles = seen.account.profiles();
            let output = CompletionPopup::new(Id::unique(("profile", label)))
                .align(RectAlign::BOTTOM_START)
                .word_boundary(|_| false)
                .max_height(260.0)
                .accept_keys([Key::Enter])
                .show(ui, edit, |query| suggestions(profiles, query.text));
            if output.text_edit.response.response.gained_focus() {
                seen.push(Command::Account(AccountCommand::ReadAwsFiles));
            }
            // Trim the ends: a name may contain spaces, but not at its ends.
            if output.text_edit.response.response.lost_focus() {
                name.truncate(name.trim_end().len());
            }
            widgets::keep_focus(&output.text_edit.response.response, error.is_some());
            widgets::focus_once(&output.text_edit.response.response, focus);
            let changed = output.text_edit.response.response.changed() || output.accepted.is_some();
            output.text_edit.response.response.labelled_by(named.id);
            changed
        });
        widgets::error_ui(ui, error);
        changed.inner
    })
    .inner
}

fn suggestions(profiles: &[Profile], text: &str) -> Vec<Suggestion> {
    let wanted = text.to_lowercase();
    let fits = |profile: &&Profile| profile.name.to_lowercase().contains(&wanted) && &*profile.name != text;
    let described = |profile: &Profile| {
        let region = profile.region.as_deref().map_or_else(String::new, |region| format!(", {region}"));
        Suggestion::new(&*profile.name).description(format!("{}{region}", kind(profile.kind)))
    };
    profiles.iter().filter(fits).map(described).collect()
}

fn kind(kind: ProfileKind) -> &'static str {
    match kind {
        ProfileKind::Keys => "keys in the file",
        ProfileKind::Sso => "SSO sign-in",
        ProfileKind::Role => "assumed role",
        ProfileKind::Process => "credential process",
        ProfileKind::Login => "aws login",
        ProfileKind::None => "no keys",
    }
}

/// What AWS's files say about the profile.
fn known_ui(ui: &mut Ui, seen: &mut Seen<'_>, name: &str) {
    match READ_EVERY.checked_sub(seen.account.read_ago()) {
        Some(left) if !left.is_zero() => ui.request_repaint_after(left),
        Some(_) | None => {
            seen.push(Command::Account(AccountCommand::ReadAwsFiles));
            ui.request_repaint_after(READ_EVERY);
        }
    }
    if let Some(error) = seen.account.unreadable() {
        small_ui(ui, error);
        return;
    }
    let Some(profile) = seen.account.profile(name).cloned() else {
        let text = match seen.account.profiles().len() {
            0 => "No profile was found in ~/.aws/config and ~/.aws/credentials. Make one with: aws configure",
            _ if name.trim().is_empty() => "Click the field to choose a profile from AWS's files.",
            _ => "AWS's files have no profile with that name.",
        };
        small_ui(ui, text);
        return;
    };
    let text = match profile.kind {
        _ if profile.mfa => {
            "This profile needs an MFA code, which a background program cannot enter. Use a profile without MFA."
        }
        ProfileKind::Keys => {
            "Its keys are in AWS's file. That is fine for a dedicated IAM user with only the policy shown under Permission."
        }
        ProfileKind::Sso => "An SSO sign-in lasts some hours; then somebody must sign in again.",
        ProfileKind::Role => "A role, assumed with the keys of another profile.",
        ProfileKind::Process => "A program hands out its keys.",
        ProfileKind::Login => {
            "A sign-in with the AWS console lasts up to 12 hours: fine for setting up. A server needs a role or a \
             dedicated IAM user."
        }
        ProfileKind::None => "AWS's files have no keys for it.",
    };
    small_ui(ui, text);
    let with = match profile.kind {
        ProfileKind::Sso => SignInWith::Sso,
        ProfileKind::Login => SignInWith::Login,
        ProfileKind::Keys | ProfileKind::Role | ProfileKind::Process | ProfileKind::None => return,
    };
    let what = SignIn { profile: name.to_owned(), with };
    ui.horizontal_wrapped(|ui| sign_in::sign_in_ui(ui, seen, &what));
}
