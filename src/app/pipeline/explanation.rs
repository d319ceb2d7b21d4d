//! One trouble in the drawer: what happened, why, what to do, and the buttons for it. Only the first trouble of a drawer has a
//! primary button.

use std::time::Duration;

use eframe::egui::{Label, RichText, Separator, Ui};
use lucide_icons::Icon;

use super::{
    trouble::{self, Kind, Trouble, seconds_to},
    view,
};
use crate::{
    app::{
        command::{Command, PracticeCommand},
        place::Place,
        remedy_card::{self, way_ui},
        seen::Seen,
        settings,
        theme::{self, tokens},
        widgets,
    },
    delivery::{AwsError, Millis},
    event::shown,
    remedy,
};

/// Draws a trouble. `is_first`: it is the first one in the drawer.
pub(super) fn explanation_ui(ui: &mut Ui, seen: &mut Seen<'_>, trouble: &Trouble, is_first: bool) {
    let t = tokens(ui);
    ui.spacing_mut().item_spacing.y = 5.0;
    if !is_first {
        ui.add(Separator::default().spacing(14.0));
    }
    ui.horizontal_top(|ui| {
        ui.label(theme::icon(trouble.tone.icon()).size(15.0).color(trouble.tone.color(t)));
        ui.vertical(|ui| {
            ui.add(Label::new(widgets::words(ui, &trouble.what, 640.0, t.strong)).wrap());
            if let Kind::Fault { fault, next_try } = &trouble.kind {
                fault_ui(ui, seen, (fault, *next_try), is_first);
                return;
            }
            let text = trouble::text(trouble, seen);
            ui.add(Label::new(RichText::new(shown::lines(&text)).color(t.text)).wrap());
            remedy_card::actions_ui(ui, |ui| actions_ui(ui, seen, trouble, is_first));
        });
    });
}

fn fault_ui(
    ui: &mut Ui,
    seen: &mut Seen<'_>,
    (fault, next_try): (&AwsError, Option<Millis>),
    is_first: bool,
) {
    let remedy = remedy::remedy(fault, seen.config);
    remedy_card::words_ui(ui, &remedy, fault);
    // The remedy refers to the destination's message, so show it.
    if remedy.speaks_of_message() {
        remedy_card::said_ui(ui, fault);
    }
    remedy_card::actions_ui(ui, |ui| {
        let mut has_primary = !is_first;
        if !seen.practice_faults().is_empty() {
            switch_off_ui(ui, seen, is_first);
            has_primary = true;
        }
        has_primary |= remedy_card::ways_ui(ui, seen, &remedy, None);
        if next_try.is_some() && way_ui(ui, !has_primary, Icon::RotateCw, "Try now").clicked() {
            seen.push(Command::RetryNow);
        }
        waiting_ui(ui, seen);
        if let Some(next_try) = next_try {
            countdown_ui(ui, next_try, seen);
        }
    });
}

fn switch_off_ui(ui: &mut Ui, seen: &mut Seen<'_>, is_primary: bool) {
    if way_ui(ui, is_primary, Icon::PowerOff, "Switch all off").clicked() {
        seen.push(Command::Practice(PracticeCommand::SwitchAllOff));
    }
}

fn waiting_ui(ui: &mut Ui, seen: &mut Seen<'_>) {
    if seen.status.ledger.queued > 0
        && widgets::button_ui(ui, Icon::ListFilter, "Show waiting events").clicked()
    {
        seen.push(view::waiting_events());
    }
}

fn countdown_ui(ui: &mut Ui, next_try: Millis, seen: &Seen<'_>) {
    let text = if seen.status.ledger.queued == 0 {
        "Tries again with the next event".to_owned()
    } else {
        match seconds_to(next_try, seen.now) {
            0 => "Trying …".to_owned(),
            seconds => {
                ui.request_repaint_after(Duration::from_secs(1));
                format!("Tries again by itself in {seconds} s")
            }
        }
    };
    ui.add(Label::new(RichText::new(text).color(tokens(ui).weak)).selectable(false).extend());
}

fn actions_ui(ui: &mut Ui, seen: &mut Seen<'_>, trouble: &Trouble, is_first: bool) {
    match &trouble.kind {
        // It has its own buttons, and a disk that fails has none.
        Kind::Fault { .. } | Kind::DiskFails(_) => {}
        // A part of the program that stopped names no setting.
        Kind::Problem(text) => setting_ui(ui, seen, text, is_first),
        Kind::Disabled => {
            if way_ui(ui, is_first, Icon::Power, "Deliver events").clicked() && !seen.saving {
                let mut config = seen.config.clone();
                config.destination.enabled = true;
                seen.save(config, "Events are delivered");
            }
            waiting_ui(ui, seen);
        }
        Kind::Stuck(stuck) => {
            if way_ui(ui, is_first, Icon::ArrowRight, "Show the event").clicked() {
                seen.push(Command::ShowDelivery(stuck.event));
            }
            if widgets::button_ui(ui, Icon::Archive, "Set aside").clicked() {
                seen.push(Command::SetAsideStuck);
            }
        }
        Kind::Bound(_) => {
            if way_ui(ui, is_first, Icon::ArrowRight, "Set up").clicked() {
                seen.go(Place::SetUp);
            }
            waiting_ui(ui, seen);
        }
        Kind::Unreadable(_) => {
            let location = remedy::Location::SetUpFormat;
            if way_ui(ui, is_first, Icon::ArrowRight, location.title()).clicked() {
                seen.push(Command::GoToRemedy(location));
            }
        }
        Kind::PracticeFaults(_) => switch_off_ui(ui, seen, is_first),
        Kind::SpoolFull | Kind::SpoolNearlyFull => setting_ui(ui, seen, "spool.max_bytes", is_first),
        Kind::DiskFull => setting_ui(ui, seen, "spool.min_free_bytes", is_first),
    }
}

/// The way to the setting that a text names, if it names one.
fn setting_ui(ui: &mut Ui, seen: &mut Seen<'_>, text: &str, is_primary: bool) {
    if let Some((group, key)) = settings::named_in(text)
        && way_ui(ui, is_primary, Icon::ArrowRight, &format!("Settings › {group}")).clicked()
    {
        seen.push(Command::ShowSetting(key));
    }
}
