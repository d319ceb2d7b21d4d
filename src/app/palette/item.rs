//! What the palette offers: a line with its group, and the command that it pushes.

use eframe::egui::KeyboardShortcut;
use lucide_icons::Icon;

use super::matching::score;
use crate::{
    app::{
        availability,
        command::{ALL, Command},
        place::Place,
        seen::Seen,
        settings,
    },
    delivery::{
        Field,
        query::{self, QueryKey},
    },
    remedy::Location,
};

/// The groups of the palette, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    Recent,
    Commands,
    Settings,
    Sources,
    Destinations,
    Users,
    Events,
}

impl Group {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Recent => "Recent",
            Self::Commands => "Commands",
            Self::Settings => "Settings",
            Self::Sources => "Sources",
            Self::Destinations => "Destinations",
            Self::Users => "Users",
            Self::Events => "Events",
        }
    }
}

/// One line.
#[derive(Clone)]
pub(super) struct Item {
    pub group: Group,
    pub icon: Icon,
    pub title: String,
    /// What stands beside the title.
    pub detail: String,
    pub keys: Option<KeyboardShortcut>,
    pub command: Command,
}

/// A setting of Set up or Sources: its name, what it does, and where it is.
const SETTINGS_ELSEWHERE: [(&str, &str, Where); 14] = [
    ("Stream name", "The Kinesis stream that gets the events", Where::Remedy(Location::SetUpStream)),
    ("AWS region", "The region of the stream", Where::Remedy(Location::SetUpStream)),
    (
        "Other server",
        "A Kinesis-compatible server or emulator instead of AWS",
        Where::Remedy(Location::SetUpStream),
    ),
    ("AWS account id", "The account that the policy names", Where::Remedy(Location::SetUpPolicy)),
    (
        "Credentials",
        "The AWS keys: a profile, the keychain or the environment",
        Where::Remedy(Location::SetUpCredentials),
    ),
    (
        "Role to assume",
        "The IAM role of another account, and its external id",
        Where::Remedy(Location::SetUpCredentials),
    ),
    (
        "IAM policy",
        "The permissions that delivery needs, in four formats",
        Where::Remedy(Location::SetUpPolicy),
    ),
    ("Reader", "Who reads the stream: it decides which format suits", Where::Remedy(Location::SetUpFormat)),
    ("Record format", "Encoding: base64, JSON or JSON lines", Where::Remedy(Location::SetUpFormat)),
    ("Aggregation", "Several events in one record", Where::Remedy(Location::SetUpFormat)),
    ("Order per user", "Keeps the events of a user in order", Where::Remedy(Location::SetUpFormat)),
    ("Write keys", "The keys with which sources send", Where::Go(Place::Sources)),
    ("SDK snippets", "Code that makes an SDK send here", Where::Go(Place::Sources)),
    (
        "Consumer code",
        "Python, Node.js, Lambda, KCL, Flink, Athena: code that reads the stream",
        Where::Consumers,
    ),
];

#[derive(Clone, Copy)]
enum Where {
    Remedy(Location),
    Go(Place),
    Consumers,
}

/// Everything that fits the typed text and is known without the log: by group, the best fit first.
pub(super) fn known(typed: &str, recent: &[String], seen: &Seen<'_>) -> Vec<Item> {
    let mut all = Vec::new();
    let is_available = |command: &Command| availability::refusal(command, seen.snapshot).is_none();
    let commands = ALL.iter().filter(|entry| is_available(&entry.command)).map(|entry| Item {
        group: Group::Commands,
        icon: entry.icon,
        title: entry.title.to_owned(),
        detail: String::new(),
        keys: entry.keys,
        command: entry.command.clone(),
    });
    let commands: Vec<Item> = commands.collect();
    if typed.is_empty() {
        let again = |title: &String| commands.iter().find(|item| item.title == *title).cloned();
        all.extend(recent.iter().filter_map(again).map(|item| Item { group: Group::Recent, ..item }));
        all.extend(commands.into_iter().filter(|item| !recent.contains(&item.title)));
        return all;
    }
    all.extend(best(typed, commands));
    all.extend(best(typed, settings()));
    all.extend(best(typed, sources(seen)));
    all.extend(best(typed, destinations(seen)));
    all
}

fn best(typed: &str, items: Vec<Item>) -> Vec<Item> {
    let fits = items.into_iter().filter_map(|item| Some((score(typed, &item.title, &item.detail)?, item)));
    let mut fits: Vec<_> = fits.collect();
    fits.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    fits.into_iter().map(|(_, item)| item).collect()
}

fn settings() -> Vec<Item> {
    let elsewhere = SETTINGS_ELSEWHERE.iter().map(|(title, detail, place)| {
        let (icon, command) = match *place {
            Where::Remedy(location) => (Place::SetUp.icon(), Command::GoToRemedy(location)),
            Where::Go(place) => (place.icon(), Command::Go(place)),
            Where::Consumers => (Place::Sources.icon(), Command::ShowConsumers),
        };
        setting(icon, title, detail, command)
    });
    let rows = settings::GROUPS.iter().flat_map(|group| group.rows);
    let here = rows.map(|row| setting(Icon::Settings, row.name, row.hint, Command::ShowSetting(row.key)));
    here.chain(elsewhere).collect()
}

fn setting(icon: Icon, title: &str, detail: &str, command: Command) -> Item {
    let (title, detail) = (title.to_owned(), detail.to_owned());
    Item { group: Group::Settings, icon, title, detail, keys: None, command }
}

fn sources(seen: &Seen<'_>) -> Vec<Item> {
    let of = |name: &str| Item {
        group: Group::Sources,
        icon: Icon::Plug,
        title: name.to_owned(),
        detail: "Source: its events".to_owned(),
        keys: None,
        command: Command::Search(query::with("", QueryKey::Field(Field::Source), &[name])),
    };
    seen.config.capture.sources.iter().map(|source| of(&source.name)).collect()
}

fn destinations(seen: &Seen<'_>) -> Vec<Item> {
    let of = |name: &str| Item {
        group: Group::Destinations,
        icon: Icon::Waves,
        title: name.to_owned(),
        detail: "Saved destination, in Set up".to_owned(),
        keys: None,
        command: Command::Go(Place::SetUp),
    };
    seen.config.destinations.iter().map(|saved| of(&saved.name)).collect()
}
