//! What can be done from anywhere, by name or by keys: the table behind the command palette, the shortcuts and the help
//! sheet.

use eframe::egui::{Key, KeyboardShortcut, Modifiers, ThemePreference, Ui};
use lucide_icons::Icon;

use super::{Place, Seen, Wish, detail::Act, faults, live};
use crate::{
    config::DestinationKind,
    delivery::{ForwarderState, Measure},
};

/// Something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Go(Place),
    Check,
    SendTest,
    StartTestRun,
    StopTestRun,
    ReadAgain,
    AskResend,
    AskExport,
    Live(live::Do),
    /// With the delivery that is open.
    Open(Act),
    RetryNow,
    CopyEndpoint,
    /// One of the practice stream's faults on, or off again.
    AwsError(&'static str),
    FaultsOff,
    Dress(ThemePreference),
    Palette,
    Help,
    Notices,
}

/// A command, its name, and the keys that do it from anywhere.
pub(super) struct Entry {
    pub command: Command,
    pub title: &'static str,
    pub icon: Icon,
    pub keys: Option<KeyboardShortcut>,
}

const fn ctrl(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

const fn shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key)
}

const fn entry(command: Command, title: &'static str, icon: Icon, keys: Option<KeyboardShortcut>) -> Entry {
    Entry { command, title, icon, keys }
}

const fn open(act: Act, title: &'static str, icon: Icon, key: Key) -> Entry {
    entry(Command::Open(act), title, icon, Some(shift(key)))
}

const fn since(ago: Option<&'static str>, title: &'static str) -> Entry {
    entry(Command::Live(live::Do::Since(ago)), title, Icon::Clock, None)
}

const fn fault(name: &'static str, title: &'static str) -> Entry {
    entry(Command::AwsError(name), title, Icon::Bug, None)
}

/// All of them, as the palette lists them.
pub(super) const ALL: [Entry; 48] = [
    entry(Command::Go(Place::SetUp), "Go to Set up", Icon::Route, Some(ctrl(Key::Num1))),
    entry(Command::Go(Place::Sources), "Go to Sources", Icon::Plug, Some(ctrl(Key::Num2))),
    entry(Command::Go(Place::Test), "Go to Test", Icon::FlaskConical, Some(ctrl(Key::Num3))),
    entry(Command::Go(Place::Live), "Go to Live", Icon::Activity, Some(ctrl(Key::Num4))),
    entry(Command::Go(Place::Stream), "Go to Stream", Icon::Waves, Some(ctrl(Key::Num5))),
    entry(Command::Go(Place::Settings), "Go to Settings", Icon::Settings, Some(ctrl(Key::Comma))),
    entry(Command::Check, "Check the destination", Icon::ListChecks, Some(ctrl(Key::J))),
    entry(Command::SendTest, "Send the test event", Icon::Send, Some(shift(Key::Enter))),
    entry(Command::StartTestRun, "Start sending many test events", Icon::Play, Some(shift(Key::J))),
    entry(Command::StopTestRun, "Stop sending test events", Icon::Square, Some(ctrl(Key::Period))),
    entry(Command::AskResend, "Resend events …", Icon::RotateCw, Some(ctrl(Key::T))),
    entry(Command::AskExport, "Export the log …", Icon::Download, Some(ctrl(Key::E))),
    entry(Command::Live(live::Do::Pause), "Pause or resume the log", Icon::Pause, Some(ctrl(Key::P))),
    entry(
        Command::Live(live::Do::TurnRound),
        "Newest or oldest events first",
        Icon::ArrowDownUp,
        Some(ctrl(Key::O)),
    ),
    entry(
        Command::Live(live::Do::Sort(Measure::Latency)),
        "Slowest events first, or by time again",
        Icon::ArrowDownWideNarrow,
        Some(ctrl(Key::L)),
    ),
    entry(
        Command::Live(live::Do::Sort(Measure::Size)),
        "Largest events first, or by time again",
        Icon::ArrowDownWideNarrow,
        Some(ctrl(Key::B)),
    ),
    since(Some("15m"), "Events of the last 15 minutes"),
    since(Some("1h"), "Events of the last hour"),
    since(Some("24h"), "Events of the last 24 hours"),
    since(Some("7d"), "Events of the last 7 days"),
    since(None, "Events of all time"),
    entry(Command::Live(live::Do::Clear), "Clear the search of the log", Icon::X, None),
    entry(Command::Live(live::Do::Switch), "Events or charts", Icon::ChartLine, Some(ctrl(Key::G))),
    entry(Command::ReadAgain, "Read the stream again", Icon::RotateCw, Some(ctrl(Key::R))),
    open(Act::Json, "Open delivery: copy its JSON", Icon::Copy, Key::D),
    open(Act::Record, "Open delivery: copy its record", Icon::Copy, Key::R),
    open(Act::Curl, "Open delivery: copy it as curl", Icon::Terminal, Key::L),
    open(Act::Id, "Open delivery: copy its messageId", Icon::Copy, Key::I),
    open(Act::Again, "Open delivery: resend or replay it", Icon::RotateCw, Key::T),
    open(Act::Edit, "Open delivery: edit it as a test", Icon::FlaskConical, Key::E),
    open(Act::User, "Open delivery: events of this user", Icon::ListFilter, Key::U),
    open(Act::Event, "Open delivery: events of this name", Icon::ListFilter, Key::N),
    open(Act::Source, "Open delivery: events of this source", Icon::ListFilter, Key::S),
    entry(Command::RetryNow, "Deliver now: try again without waiting", Icon::RotateCw, Some(ctrl(Key::D))),
    entry(Command::CopyEndpoint, "Copy the endpoint's address", Icon::Copy, Some(shift(Key::C))),
    fault(faults::THROTTLE, "Practice fault: throttle"),
    fault(faults::FAIL_A_PART, "Practice fault: fail a part of each batch"),
    fault(faults::CUT, "Practice fault: cut the connection"),
    fault(faults::EXPIRE, "Practice fault: expire the credentials"),
    fault(faults::SLOW_ANSWERS, "Practice fault: slow answers"),
    fault(faults::DELETE, "Practice fault: delete the stream"),
    entry(Command::FaultsOff, "Switch all practice faults off", Icon::PowerOff, Some(shift(Key::X))),
    entry(Command::Dress(ThemePreference::Dark), "Dark theme", Icon::Moon, None),
    entry(Command::Dress(ThemePreference::Light), "Light theme", Icon::Sun, None),
    entry(Command::Dress(ThemePreference::System), "Follow the system theme", Icon::Monitor, None),
    entry(Command::Palette, "Find a command", Icon::Search, Some(ctrl(Key::K))),
    entry(
        Command::Help,
        "Keys and help",
        Icon::Keyboard,
        Some(KeyboardShortcut::new(Modifiers::NONE, Key::F1)),
    ),
    entry(Command::Notices, "Third-party licences", Icon::Scale, None),
];

/// Keys that mean something in one place only, for the help sheet: the place, the keys, what they do.
pub(super) const ELSEWHERE: [(&str, &str, &str); 9] = [
    ("Test", "Ctrl+Enter", "Send the event"),
    ("Live", "Ctrl+F", "Search"),
    ("Live", "J or Down, K or Up", "The next delivery, the one before"),
    ("Live", "Esc", "Close the delivery"),
    ("Stream", "Ctrl+F", "Filter"),
    ("Stream", "J or Down, K or Up", "The next record, the one before"),
    ("Stream", "Esc", "Close the record"),
    ("Everywhere", "Tab, Shift+Tab", "The next control, the one before"),
    ("Everywhere", "Space or Enter", "Press the button, flip the switch"),
];

impl Command {
    /// Its line in [`ALL`].
    pub(super) fn entry(self) -> &'static Entry {
        ALL.iter().find(|entry| entry.command == self).expect("every command is in the table")
    }

    /// Why it would do nothing now, where that is so.
    pub(super) fn refusal(self, seen: &Seen<'_>) -> Option<&'static str> {
        let runs = || seen.engine.test_run().is_some_and(|run| run.ended.is_none());
        match self {
            Self::StartTestRun if runs() => Some("A test run is under way already"),
            Self::StopTestRun if !runs() => Some("No test run is under way"),
            Self::RetryNow if seen.status.forwarder == ForwarderState::Disabled => {
                Some("Delivery is switched off: enable it under Set up")
            }
            Self::RetryNow if seen.status.ledger.queued == 0 => {
                Some("No delivery is waiting to be tried again")
            }
            Self::AwsError(_) if seen.config.destination.kind != DestinationKind::Practice => {
                Some(faults::NEED_PRACTICE)
            }
            Self::FaultsOff if faults::on(seen).is_empty() => Some("No practice fault is on"),
            _ => None,
        }
    }

    /// Does it, or says why it would do nothing; what only a place can do becomes a wish.
    pub(super) fn run(self, ui: &Ui, seen: &mut Seen<'_>) {
        if let Some(why) = self.refusal(seen) {
            seen.wishes.push(Wish::Refused(why.to_owned()));
            return;
        }
        match self {
            Self::Go(place) => seen.go(place),
            Self::Check => seen.wishes.push(Wish::Check),
            Self::SendTest => seen.wishes.push(Wish::SendTest),
            Self::StartTestRun => seen.wishes.push(Wish::StartTestRun),
            Self::StopTestRun => seen.wishes.push(Wish::StopTestRun),
            Self::AskResend => seen.wishes.push(Wish::AskResend),
            Self::AskExport => seen.wishes.push(Wish::AskExport),
            Self::Live(what) => seen.wishes.push(Wish::Live(what)),
            Self::Open(act) => seen.wishes.push(Wish::Open(act)),
            Self::AwsError(name) => faults::toggle(seen, name),
            Self::ReadAgain => seen.wishes.push(Wish::ReadAgain),
            Self::RetryNow => seen.wishes.push(Wish::RetryNow),
            Self::CopyEndpoint => {
                ui.copy_text(seen.public_endpoint());
                seen.copied("Endpoint address");
            }
            Self::FaultsOff => faults::switch_off(seen),
            Self::Dress(theme) => super::theme::choose(ui, theme),
            Self::Palette => seen.wishes.push(Wish::Palette),
            Self::Help => seen.wishes.push(Wish::Help),
            Self::Notices => seen.wishes.push(Wish::Notices),
        }
    }
}

/// Keys as they are read on a keyboard.
pub(super) fn text_of(ui: &Ui, keys: KeyboardShortcut) -> String {
    ui.format_shortcut(&keys).replace("Comma", ",").replace("Period", ".")
}

/// Does what was asked for by keys in this frame.
pub(super) fn keys(ui: &Ui, seen: &mut Seen<'_>) {
    // Those with Shift first: the same keys without it would take them.
    let has_shift = |entry: &&Entry| entry.keys.is_some_and(|keys| keys.modifiers.shift);
    for entry in ALL.iter().filter(has_shift).chain(ALL.iter().filter(|entry| !has_shift(entry))) {
        if entry.keys.is_some_and(|keys| ui.input_mut(|input| input.consume_shortcut(&keys))) {
            entry.command.run(ui, seen);
        }
    }
    // A question mark is a letter like any other where somebody types.
    let asked = ui.input(|input| input.events.iter().any(is_question));
    if asked && !ui.text_edit_focused() {
        Command::Help.run(ui, seen);
    }
}

fn is_question(event: &eframe::egui::Event) -> bool {
    matches!(event, eframe::egui::Event::Text(text) if text == "?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_commands_share_a_name_or_keys() {
        for (at, one) in ALL.iter().enumerate() {
            for other in &ALL[at + 1..] {
                assert_ne!(one.title, other.title);
                assert!(one.keys.is_none() || one.keys != other.keys, "{} and {}", one.title, other.title);
            }
        }
    }
}
