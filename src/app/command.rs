//! Everything that can be asked of the window, as data: what a key, a click and a line of the palette push, and what a place
//! pushes when it needs something from the engine. `act.rs` alone carries commands out.
//!
//! A command has no `Debug`: some hold events or keys, which belong in no message.

use eframe::egui::{Key, KeyboardShortcut, Modifiers, ThemePreference, Ui};
use lucide_icons::Icon;
use serde::Serialize;
use serde_json::Value;

use super::{place::Place, practice_faults::PracticeFault};
use crate::{
    config::{Alert, Config, Destination},
    delivery::{
        CheckKind, CountRequest, EventId, Measure, Millis, NewStream, Query, Receipt, ResendSelection,
        chart::ChartSpan,
        query::{QueryKey, ValuesRequest},
    },
    engine::{Export, Faults, Preset, ReadPlan, TestRun, WaitingEvents},
    event::Kind,
    policy::Attachment,
    remedy::{self, SignIn},
};

/// One thing to do.
#[derive(Clone, PartialEq)]
pub(super) enum Command {
    /// Opens a place.
    Go(Place),
    /// Opens the place and the section that a remedy names.
    GoToRemedy(remedy::Location),
    /// Shows one delivery in Live.
    ShowDelivery(EventId),
    /// Shows one record in Stream.
    ShowRecord(Receipt),
    /// Shows in Live the events that match this search, and no others.
    Search(String),
    /// Narrows the search of Live to events with this value.
    Filter(QueryKey, String),
    /// Narrows the search of Live to events with this text in their payload.
    FilterText(String),
    /// Limits Live to events received from the first moment on and before the second.
    TimeRange(Millis, Millis),
    /// Opens an event in Test, to edit it.
    Compose(Kind, String),
    /// Shows the setting of this name, such as `spool.max_bytes`, in Settings.
    ShowSetting(&'static str),
    /// Shows the policy in Set up, including what reading the stream needs.
    AllowReading,
    /// Shows the code that reads the stream, in Sources.
    ShowConsumers,
    /// Shows the senders that were turned away, in Sources.
    ShowTurnedAway,
    /// Changes the destination, or begins to.
    SetUp(SetUpCommand),
    /// Checks the destination as Set up has it.
    CheckDraft,
    /// Sends the event that Test has.
    SendDraft,
    /// Sends the event that Test has many times.
    RunDraft,
    /// Asks which events that match Live's search to resend, and how fast.
    AskResend,
    /// Asks which file to export the events that match Live's search to.
    AskExport,
    /// Does something with the list in Live.
    Live(LiveCommand),
    /// Does something with the delivery that is open in Live.
    Delivery(DeliveryCommand),
    /// Writes the settings to the file and applies them.
    Save(Box<Save>),
    /// Sends a test notification of this alert.
    TestAlert(Box<Alert>),
    /// Delivers without waiting for the next try.
    RetryNow,
    /// Sets aside the events that the destination refuses while it takes others.
    SetAsideStuck,
    Log(LogCommand),
    Account(AccountCommand),
    Stream(StreamCommand),
    Test(TestCommand),
    Practice(PracticeCommand),
    Keep(KeepCommand),
    Window(WindowCommand),
    /// Tells the user that something was done.
    Notify(String),
    /// Tells the user that something was not done, and why.
    Refuse(String),
}

/// The destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SetUpCommand {
    /// Switches to the practice stream. If queued events would go elsewhere, Set up asks first.
    SwitchToPractice,
    /// Switches to the saved destination of this name, with the same question.
    SwitchTo(String),
    /// Asks for a name under which to save the destination in force.
    Save,
    /// Begins to set up another destination.
    New,
}

/// The list in Live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LiveCommand {
    /// Pauses the list, or resumes it.
    Pause,
    /// Reverses the order of the list.
    Reverse,
    /// Sorts by this measure, or by time if it is sorted by it already.
    Sort(Measure),
    /// Only events received within this time before now; `None`: of all time.
    Since(Option<&'static str>),
    /// Clears the search.
    Clear,
    /// Shows charts instead of events, or events instead of charts.
    SwitchView,
    /// Opens the delivery below the open one.
    Next,
    /// Opens the delivery above the open one.
    Previous,
}

/// The delivery that is open in Live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeliveryCommand {
    /// Copies the event's JSON as it is stored.
    CopyJson,
    /// Copies the parameters of `PutRecord`.
    CopyRecord,
    /// Copies a command that sends the event again.
    CopyCurl,
    /// Copies the messageId.
    CopyId,
    /// Copies the partition key.
    CopyKey,
    /// Copies the sequence number of the record.
    CopySequence,
    /// Copies the search that finds this event, for Live and for `tributary log`.
    CopySearch,
    /// Searches in the payload.
    Find,
    /// Shows the record in Stream.
    ShowRecord,
    /// Queues a failed event again, or a delivered one once more.
    Resend,
    /// Opens the event in Test.
    Edit,
    /// Shows the events of the same user.
    SameUser,
    /// Shows the events with the same name.
    SameName,
    /// Shows the events of the same source.
    SameSource,
    /// Shows the events received within a minute of this one.
    SameTime,
}

/// Settings to save.
#[derive(Clone, PartialEq)]
pub(super) struct Save {
    pub config: Config,
    /// What the user is told when it is done; empty: nothing.
    pub done: &'static str,
    /// What happens to queued events.
    pub queued: WaitingEvents,
}

/// Requests to the delivery log. The answers go to the place that asks.
#[derive(Clone, PartialEq)]
pub(super) enum LogCommand {
    /// Reads lines, for this place.
    ReadPage(Box<Query>, Place),
    /// Reads lines, for the palette.
    Find(Box<Query>),
    /// Counts what Live's search finds.
    Count(Box<CountRequest>),
    /// Reads values that complete Live's search.
    ReadValues(ValuesRequest),
    /// Reads one delivery, for this place.
    ReadDetail(EventId, Place),
    /// Reads what the charts show.
    ReadOverview(ChartSpan),
    /// Counts the events that a resend would queue, for the sheet that asks about it.
    CountResend(ResendSelection),
    Resend {
        which: ResendSelection,
        /// Maximum events per second; `None`: no limit.
        rate: Option<std::num::NonZeroU32>,
        /// The number of events to resend, if they were counted.
        count: Option<u64>,
    },
    StopResending,
    Export(Box<Export>),
    StopExporting,
}

impl LogCommand {
    /// Resends one event.
    pub(super) fn resend(id: EventId) -> Self {
        Self::Resend { which: ResendSelection::Lines(vec![id]), rate: None, count: None }
    }
}

/// AWS, the keys and the endpoint's public address. The answers go to Set up or Sources.
#[derive(Clone, PartialEq)]
pub(super) enum AccountCommand {
    ReadAwsFiles,
    /// Runs `aws sso login` or `aws login`.
    SignIn(SignIn),
    StopSigningIn,
    WhoAmI(Box<Config>),
    ListStreams(Box<Config>),
    DescribeStream(Box<Config>),
    /// Asks how the account pays for on-demand streams.
    AskOnDemandBilling(Box<Config>),
    /// Creates the stream of these settings, with their credentials.
    CreateStream(Box<Config>, NewStream),
    Check(Box<Config>, CheckKind),
    /// Creates an IAM user with the policy, signed with the credentials of these settings.
    Attach(Box<Config>, Attachment),
    StoreKeys {
        destination: Box<Destination>,
        access_key_id: String,
        secret: String,
    },
    CheckPublicAddress,
}

/// Reading the stream.
#[derive(Clone, PartialEq)]
pub(super) enum StreamCommand {
    Read(ReadPlan),
    /// Forgets what was read and starts over, as Stream has it.
    ReadAgain,
    Filter(String),
    Stop,
    /// Reads back the record of a test event.
    ReadBack(EventId, Receipt),
}

/// Test events.
#[derive(Clone, PartialEq)]
pub(super) enum TestCommand {
    Send {
        kind: Kind,
        json: String,
        /// The index of the source in the settings.
        source: usize,
    },
    Run(TestRun),
    StopRun,
    ReadPresets,
    SavePresets(Vec<Preset>),
}

/// The practice stream.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum PracticeCommand {
    /// Switches a fault on, or off again.
    Toggle(PracticeFault),
    /// Deletes the stream, or creates it again if it is deleted.
    ToggleStream,
    SetFaults(Faults),
    /// Deletes the stream, or creates it again, empty.
    SetDeleted(bool),
    SwitchAllOff,
}

/// State to keep for the next start.
#[derive(Clone, PartialEq)]
pub(super) enum KeepCommand {
    /// The draft in Set up that is not applied.
    Draft(String),
    /// The state of a part of the window, under the part's name.
    State(&'static str, Value),
}

impl KeepCommand {
    /// Keeps the state of the part of this name.
    pub(super) fn state(name: &'static str, state: &impl Serialize) -> Self {
        let state = serde_json::to_value(state).expect("strings, numbers and lists can be written as JSON");
        Self::State(name, state)
    }
}

/// What `WindowCommand::CopyCurl` does, for tooltips.
pub(super) const COPY_CURL_HINT: &str = "Copies a command that sends an event, with the write key. Run it in a terminal. \
                                         The event shows up in Live";

/// The window itself, and the desktop around it.
#[derive(Clone, PartialEq)]
pub(super) enum WindowCommand {
    /// Opens the palette, which finds commands, settings, sources, users and events.
    Palette,
    /// Opens the help sheet.
    Help,
    /// Opens the licences of third parties.
    Licences,
    Theme(ThemePreference),
    CopyEndpoint,
    /// Copies a command that sends an event, with the first source's write key. Opens Live before the first event.
    CopyCurl,
    /// Copies versions, paths, settings and the state of delivery, without secrets.
    CopyDiagnostics,
    /// Opens the settings file in the desktop's editor.
    OpenSettingsFile,
    OpenWebPage(String),
    /// Shows a desktop notification.
    NotifyDesktop(String),
}

/// A command with its name and the keys for it.
pub(super) struct Entry {
    pub command: Command,
    pub title: &'static str,
    pub icon: Icon,
    pub keys: Option<KeyboardShortcut>,
}

#[expect(clippy::unnecessary_wraps, reason = "the table has entries without keys")]
const fn ctrl(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::COMMAND, key))
}

#[expect(clippy::unnecessary_wraps, reason = "the table has entries without keys")]
const fn shift(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key))
}

const fn entry(command: Command, title: &'static str, icon: Icon, keys: Option<KeyboardShortcut>) -> Entry {
    Entry { command, title, icon, keys }
}

const fn open(command: DeliveryCommand, title: &'static str, icon: Icon, key: Key) -> Entry {
    entry(Command::Delivery(command), title, icon, shift(key))
}

const fn since(ago: Option<&'static str>, title: &'static str) -> Entry {
    entry(Command::Live(LiveCommand::Since(ago)), title, Icon::Clock, None)
}

const fn fault(fault: PracticeFault, title: &'static str) -> Entry {
    entry(Command::Practice(PracticeCommand::Toggle(fault)), title, Icon::Bug, None)
}

const fn theme(theme: ThemePreference, title: &'static str, icon: Icon) -> Entry {
    entry(Command::Window(WindowCommand::Theme(theme)), title, icon, None)
}

/// The commands of the palette, in its order.
pub(super) static ALL: &[Entry] = &[
    entry(Command::Go(Place::SetUp), "Go to Set up", Icon::Route, ctrl(Key::Num1)),
    entry(Command::Go(Place::Sources), "Go to Sources", Icon::Plug, ctrl(Key::Num2)),
    entry(Command::Go(Place::Test), "Go to Test", Icon::FlaskConical, ctrl(Key::Num3)),
    entry(Command::Go(Place::Live), "Go to Live", Icon::Activity, ctrl(Key::Num4)),
    entry(Command::Go(Place::Stream), "Go to Stream", Icon::Waves, ctrl(Key::Num5)),
    entry(Command::Go(Place::Settings), "Go to Settings", Icon::Settings, ctrl(Key::Comma)),
    entry(Command::CheckDraft, "Check the destination", Icon::ListChecks, ctrl(Key::J)),
    entry(Command::SendDraft, "Send the test event", Icon::Send, shift(Key::Enter)),
    entry(Command::RunDraft, "Start sending many test events", Icon::Play, shift(Key::J)),
    entry(Command::Test(TestCommand::StopRun), "Stop sending test events", Icon::Square, ctrl(Key::Period)),
    entry(Command::AskResend, "Resend events …", Icon::RotateCw, ctrl(Key::T)),
    entry(Command::AskExport, "Export the log …", Icon::Download, ctrl(Key::E)),
    entry(Command::Live(LiveCommand::Pause), "Pause or resume the log", Icon::Pause, ctrl(Key::P)),
    entry(
        Command::Live(LiveCommand::Reverse),
        "Newest or oldest events first",
        Icon::ArrowDownUp,
        ctrl(Key::O),
    ),
    entry(
        Command::Live(LiveCommand::Sort(Measure::Latency)),
        "Slowest events first, or by time again",
        Icon::ArrowDownWideNarrow,
        ctrl(Key::L),
    ),
    entry(
        Command::Live(LiveCommand::Sort(Measure::Size)),
        "Largest events first, or by time again",
        Icon::ArrowDownWideNarrow,
        ctrl(Key::B),
    ),
    since(Some("15m"), "Events of the last 15 minutes"),
    since(Some("1h"), "Events of the last hour"),
    since(Some("24h"), "Events of the last 24 hours"),
    since(Some("7d"), "Events of the last 7 days"),
    since(None, "Events of all time"),
    entry(Command::Live(LiveCommand::Clear), "Clear the search of the log", Icon::X, None),
    entry(Command::Live(LiveCommand::SwitchView), "Events or charts", Icon::ChartLine, ctrl(Key::G)),
    entry(Command::Stream(StreamCommand::ReadAgain), "Read the stream again", Icon::RotateCw, ctrl(Key::R)),
    open(DeliveryCommand::Find, "Open delivery: find in its payload", Icon::Search, Key::F),
    open(DeliveryCommand::CopyJson, "Open delivery: copy its payload", Icon::Copy, Key::D),
    open(DeliveryCommand::CopyRecord, "Open delivery: copy its record", Icon::Copy, Key::R),
    open(DeliveryCommand::CopyCurl, "Open delivery: copy it as curl", Icon::Terminal, Key::L),
    open(DeliveryCommand::CopyId, "Open delivery: copy its messageId", Icon::Copy, Key::I),
    open(DeliveryCommand::CopySequence, "Open delivery: copy its sequence number", Icon::Copy, Key::Q),
    open(DeliveryCommand::ShowRecord, "Open delivery: show its record in Stream", Icon::Waves, Key::O),
    open(DeliveryCommand::Resend, "Open delivery: resend or replay it", Icon::RotateCw, Key::T),
    open(DeliveryCommand::Edit, "Open delivery: edit it as a test", Icon::FlaskConical, Key::E),
    open(DeliveryCommand::SameUser, "Open delivery: events of this user", Icon::ListFilter, Key::U),
    open(DeliveryCommand::SameName, "Open delivery: events of this name", Icon::ListFilter, Key::N),
    open(DeliveryCommand::SameSource, "Open delivery: events of this source", Icon::ListFilter, Key::S),
    entry(Command::RetryNow, "Deliver now: try again without waiting", Icon::RotateCw, ctrl(Key::D)),
    entry(
        Command::Window(WindowCommand::CopyEndpoint),
        "Copy the endpoint's address",
        Icon::Copy,
        shift(Key::C),
    ),
    entry(
        Command::Window(WindowCommand::CopyCurl),
        "Copy a curl command that sends an event",
        Icon::Terminal,
        None,
    ),
    fault(PracticeFault::Throttle, "Practice faults: throttle"),
    fault(PracticeFault::FailPartOfBatch, "Practice faults: fail a part of each batch"),
    fault(PracticeFault::CutConnection, "Practice faults: cut the connection"),
    fault(PracticeFault::ExpireCredentials, "Practice faults: expire the credentials"),
    fault(PracticeFault::SlowAnswers, "Practice faults: slow answers"),
    fault(PracticeFault::RefuseLargeRecords, "Practice faults: refuse large records"),
    entry(
        Command::Practice(PracticeCommand::ToggleStream),
        "Practice faults: delete the stream",
        Icon::Bug,
        None,
    ),
    entry(
        Command::Practice(PracticeCommand::SwitchAllOff),
        "Switch all practice faults off",
        Icon::PowerOff,
        shift(Key::X),
    ),
    theme(ThemePreference::Dark, "Dark theme", Icon::Moon),
    theme(ThemePreference::Light, "Light theme", Icon::Sun),
    theme(ThemePreference::System, "Follow the system theme", Icon::Monitor),
    entry(Command::Window(WindowCommand::Palette), "Find a command", Icon::Search, ctrl(Key::K)),
    entry(
        Command::Window(WindowCommand::Help),
        "Keys and help",
        Icon::Keyboard,
        Some(KeyboardShortcut::new(Modifiers::NONE, Key::F1)),
    ),
    entry(Command::Window(WindowCommand::CopyDiagnostics), "Copy diagnostics", Icon::ClipboardList, None),
    entry(Command::Window(WindowCommand::Licences), "Third-party licences", Icon::Scale, None),
];

/// Keys that are no command's, for the help: the place where they work, the keys, what they do. `None`: every place.
pub(super) const KEYS_OF_PLACES: [(Option<Place>, &str, &str); 13] = [
    (Some(Place::Test), "Ctrl+Enter", "Send the event"),
    (Some(Place::Live), "Ctrl+F", "Search"),
    (Some(Place::Live), "Down in the search", "Offer the fields to search in"),
    (Some(Place::Live), "Ctrl+A and Ctrl+C in the search", "Copy the whole search as text"),
    (
        Some(Place::Live),
        "Left, Right, Enter in the histogram",
        "Choose a bar, with Shift several, and search in their time",
    ),
    (Some(Place::Live), "J or Down, K or Up", "The next delivery, the one before"),
    (Some(Place::Live), "Esc", "Close the delivery"),
    (Some(Place::Stream), "Ctrl+F", "Filter"),
    (Some(Place::Stream), "J or Down, K or Up", "The next record, the one before"),
    (Some(Place::Stream), "Esc", "Close the record"),
    (Some(Place::Settings), "Ctrl+F", "Search"),
    (None, "Tab, Shift+Tab", "The next control, the one before"),
    (None, "Space or Enter", "Press the button, flip the switch"),
];

impl Command {
    /// The place that the command belongs to, in the help; `None`: to all of them.
    pub(super) fn place(&self) -> Option<Place> {
        match self {
            Self::CheckDraft => Some(Place::SetUp),
            Self::SendDraft | Self::RunDraft | Self::Test(_) | Self::Practice(_) => Some(Place::Test),
            Self::AskResend | Self::AskExport | Self::Live(_) | Self::Delivery(_) => Some(Place::Live),
            Self::Stream(_) => Some(Place::Stream),
            _ => None,
        }
    }

    /// The keys for this command that work in every place.
    pub(super) fn keys(&self) -> Option<KeyboardShortcut> {
        ALL.iter().find(|entry| entry.command == *self).and_then(|entry| entry.keys)
    }
}

/// The keys as a keyboard names them.
pub(super) fn keys_text(ui: &Ui, keys: KeyboardShortcut) -> String {
    ui.format_shortcut(&keys).replace("Comma", ",").replace("Period", ".")
}

/// The commands whose keys were pressed in this frame.
pub(super) fn pressed(ui: &Ui) -> Vec<Command> {
    let mut commands = Vec::new();
    // Shortcuts with Shift come first: the same keys without Shift would match them too.
    let has_shift = |entry: &&Entry| entry.keys.is_some_and(|keys| keys.modifiers.shift);
    for entry in ALL.iter().filter(has_shift).chain(ALL.iter().filter(|entry| !has_shift(entry))) {
        if entry.keys.is_some_and(|keys| ui.input_mut(|input| input.consume_shortcut(&keys))) {
            commands.push(entry.command.clone());
        }
    }
    // In a text field a question mark is a character like any other.
    let is_question =
        |event: &eframe::egui::Event| matches!(event, eframe::egui::Event::Text(text) if text == "?");
    if ui.input(|input| input.events.iter().any(is_question)) && !ui.text_edit_focused() {
        commands.push(Command::Window(WindowCommand::Help));
    }
    commands
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
