//! The credentials step's own answers: which profiles there are, and who AWS says the keys belong to.

use std::time::Duration;

use eframe::egui::{self, CompletionPopup, Id, Key, RectAlign, RichText, Spinner, Suggestion, Ui};
use lucide_icons::Icon;

use super::super::{
    banner,
    command::{AccountCommand, Command},
    seen::Seen,
    sign_in,
    theme::{tokens, weight},
    waiting::{Poll, Waiting},
    widgets,
};
use crate::{
    config::{Config, CredentialsSource},
    delivery::{AwsError, AwsIdentity, Profile, ProfileKind},
    engine::Answer,
    remedy::{Location, SignIn, SignInWith},
};

/// Looking for keys takes a while where there are none.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often AWS's files are read again while something is said about a profile: other programs write them.
const READ_EVERY: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Who {
    waiting: Option<(Waiting<Result<AwsIdentity, AwsError>>, Config)>,
    /// What was said, and of which settings.
    answer: Option<(Result<AwsIdentity, AwsError>, Config)>,
    /// The answer has just come, and is to be brought into sight.
    reveal: bool,
}

/// AWS says the same about both.
pub(super) fn is_same(one: &Config, other: &Config) -> bool {
    // The keychain has other keys for another stream.
    let same_entry = one.credentials.source != CredentialsSource::Keychain
        || one.destination.stream == other.destination.stream;
    same_entry && is_same_but_for_stream(one, other)
}

/// The same, whatever stream they name.
pub(super) fn is_same_but_for_stream(one: &Config, other: &Config) -> bool {
    one.credentials == other.credentials
        && one.destination.region == other.destination.region
        && one.destination.endpoint_url == other.destination.endpoint_url
}

impl Who {
    /// Other keys are in the place of those that AWS was asked about.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// AWS is being asked about these settings.
    pub(super) fn coming(&mut self, answer: Answer<Result<AwsIdentity, AwsError>>, config: Config) {
        self.waiting = Some((Waiting::at_most(PATIENCE, answer), config));
    }

    /// Who it is, when that has just become known of the draft.
    pub(super) fn logic(&mut self, ctx: &egui::Context, draft: &Config) -> Option<AwsIdentity> {
        let (waiting, _) = self.waiting.as_mut()?;
        let answer = match waiting.poll(ctx) {
            Poll::Pending => return None,
            Poll::There(answer) => answer,
            Poll::Lost => Err(AwsError::new("NoAnswer", "It took too long.")),
        };
        let (_, config) = self.waiting.take()?;
        let caller = answer.clone().ok().filter(|_| is_same(&config, draft));
        self.answer = Some((answer, config));
        self.reveal = true;
        caller
    }

    /// Whom AWS named, where it was asked about these very credentials.
    pub(super) fn caller(&self, draft: &Config) -> Option<&AwsIdentity> {
        let (answer, config) = self.answer.as_ref()?;
        answer.as_ref().ok().filter(|_| is_same(config, draft))
    }

    /// AWS was asked about these very credentials, and named nobody.
    pub(super) fn has_failed(&self, draft: &Config) -> bool {
        self.answer.as_ref().is_some_and(|(answer, config)| answer.is_err() && is_same(config, draft))
    }

    /// `missing` says why AWS cannot be asked yet.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, draft: &Config, missing: Option<&str>) {
        ui.add_space(2.0);
        ui.horizontal_wrapped(|ui| {
            let can = missing.is_none() && self.waiting.is_none();
            let button = ui.add_enabled_ui(can, |ui| widgets::button_ui(ui, Icon::UserSearch, "Who am I?"));
            if button.inner.on_disabled_hover_text(missing.unwrap_or("Being asked")).clicked() {
                self.answer = None;
                seen.push(Command::Account(AccountCommand::WhoAmI(Box::new(draft.clone()))));
            }
            if self.waiting.is_some() {
                ui.add(Spinner::new().size(14.0));
                ui.label(RichText::new("Asking …").color(tokens(ui).weak));
            } else if self.answer.is_none() {
                let text = if draft.destination.endpoint_url.is_empty() {
                    "Asks AWS whose keys these are. Needs no permission."
                } else {
                    "Asks this server whose keys these are."
                };
                ui.label(RichText::new(text).color(tokens(ui).weak));
            }
        });
        let answer = ui.scope(|ui| self.answer_ui(ui, seen, draft));
        if std::mem::take(&mut self.reveal) {
            widgets::reveal(ui, answer.response.rect);
        }
    }

    fn answer_ui(&self, ui: &mut Ui, seen: &mut Seen<'_>, draft: &Config) {
        match &self.answer {
            Some((_, config)) if !is_same(config, draft) => {
                widgets::hint_ui(ui, "The credentials have changed since this was asked.");
            }
            Some((Ok(caller), _)) => {
                if widgets::fact_ui(ui, "You are", &caller.arn, true) {
                    seen.copied("ARN");
                }
                if widgets::fact_ui(ui, "Account", &caller.account_id, true) {
                    seen.copied("Account id");
                }
            }
            Some((Err(fault), config)) => {
                banner::remedy_for_ui(ui, seen, fault, config, Some(Location::SetUpCredentials));
            }
            None => {}
        }
    }
}

/// The profile's name, chosen from AWS's files; any other text is kept, for a profile that is made later.
pub(super) fn profile_ui(
    ui: &mut Ui,
    seen: &mut Seen<'_>,
    name: &mut String,
    region: &mut String,
    error: Option<&str>,
) {
    if field_ui(ui, seen, "Profile", name, error)
        && let Some(of_profile) = seen.account.profile(name).and_then(|one| one.region.as_deref())
        && region.is_empty()
    {
        of_profile.clone_into(region);
    }
    known_ui(ui, seen, name);
}

/// The same for other purposes.
pub(super) fn profile_field_ui(ui: &mut Ui, seen: &mut Seen<'_>, label: &str, name: &mut String) {
    field_ui(ui, seen, label, name, None);
}

/// True when the name changed.
fn field_ui(ui: &mut Ui, seen: &mut Seen<'_>, label: &str, name: &mut String, error: Option<&str>) -> bool {
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
            // A name may have spaces in it, but none at its end.
            if output.text_edit.response.response.lost_focus() {
                name.truncate(name.trim_end().len());
            }
            widgets::keep_focus(&output.text_edit.response.response, error.is_some());
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
        super::step::small_ui(ui, error);
        return;
    }
    let Some(profile) = seen.account.profile(name).cloned() else {
        let text = match seen.account.profiles().len() {
            0 => {
                "No profile was found in ~/.aws/config and ~/.aws/credentials. Make one with `aws configure`."
            }
            _ if name.trim().is_empty() => "Click the field to choose a profile from AWS's files.",
            _ => "AWS's files have no profile with that name.",
        };
        super::step::small_ui(ui, text);
        return;
    };
    let text = match profile.kind {
        _ if profile.mfa => {
            "This profile needs an MFA code, which a background program cannot enter. Use a profile without MFA."
        }
        ProfileKind::Keys => {
            "Its keys are in AWS's file. That is fine for a dedicated IAM user with the policy below."
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
    super::step::small_ui(ui, text);
    let with = match profile.kind {
        ProfileKind::Sso => SignInWith::Sso,
        ProfileKind::Login => SignInWith::Login,
        ProfileKind::Keys | ProfileKind::Role | ProfileKind::Process | ProfileKind::None => return,
    };
    let what = SignIn { profile: name.to_owned(), with };
    ui.horizontal_wrapped(|ui| sign_in::sign_in_ui(ui, seen, &what));
}
