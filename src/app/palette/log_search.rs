//! Users and events of the log that fit the typed text. Three short queries, one after the other, once typing has paused; each
//! reads one page at most. What they find is appended, so no line moves while the user aims at it.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use eframe::egui;
use lucide_icons::Icon;

use super::item::{Group, Item};
use crate::{
    app::{
        clock::Clock,
        command::{Command, LogCommand},
        detail,
        seen::Seen,
        waiting::{Waiting, arrived},
    },
    delivery::{
        Delivery, Field, LogPage, Query,
        query::{self, Pattern, QueryKey},
    },
    engine::Answer,
};

const TYPING_PAUSE: Duration = Duration::from_millis(150);
const TYPED_MIN: usize = 2;
/// Lines to read for each query.
const LINES_MAX: usize = 60;
/// Users, names and events to show.
const SHOWN_MAX: usize = 4;

/// What to look for, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    MessageId,
    Users,
    Names,
}

#[derive(Default)]
pub(super) struct LogSearch {
    typed: String,
    typed_at: Option<Instant>,
    /// The query to send next.
    next: Option<Step>,
    /// The query whose answer is awaited.
    asked: Option<Step>,
    waiting: Option<Waiting<Result<LogPage, String>>>,
    pub found: Vec<Item>,
}

impl LogSearch {
    /// Looks for another text.
    pub(super) fn search(&mut self, typed: &str) {
        if self.typed == typed {
            return;
        }
        *self = Self { typed: typed.to_owned(), ..Self::default() };
        if typed.chars().count() >= TYPED_MIN {
            self.typed_at = Some(Instant::now());
            self.next = Some(Step::MessageId);
        }
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.next.is_some() || self.asked.is_some()
    }

    /// Takes the answer, and asks the next question.
    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        if let Some(answer) = arrived(&mut self.waiting, ctx)
            && let Some(step) = self.asked.take()
        {
            // A log that cannot be read says so in Live.
            self.take(step, &answer.unwrap_or_default().rows, seen.clock);
            self.next = match step {
                Step::MessageId => Some(Step::Users),
                Step::Users => Some(Step::Names),
                Step::Names => None,
            };
            ctx.request_repaint();
        }
        let Some(step) = self.next.filter(|_| self.asked.is_none()) else { return };
        let left = TYPING_PAUSE.saturating_sub(self.typed_at.map(|at| at.elapsed()).unwrap_or_default());
        if !left.is_zero() {
            return ctx.request_repaint_after(left);
        }
        self.next = None;
        self.asked = Some(step);
        seen.push(Command::Log(LogCommand::Find(Box::new(self.query(step)))));
    }

    /// The answer to the query in flight. An answer to an older text is dropped with it.
    pub(super) fn coming(&mut self, answer: Answer<Result<LogPage, String>>) {
        self.waiting = Some(Waiting::new(answer));
    }

    fn query(&self, step: Step) -> Query {
        let (field, open_start) = match step {
            Step::MessageId => (Field::MessageId, false),
            Step::Users => (Field::User, false),
            Step::Names => (Field::Event, true),
        };
        let pattern = Pattern { text: self.typed.clone(), open_start, open_end: true };
        Query { fields: vec![(field, pattern)], limit: LINES_MAX, ..Query::default() }
    }

    fn take(&mut self, step: Step, rows: &[Delivery], clock: &Clock) {
        match step {
            Step::MessageId => {
                self.found.extend(rows.iter().take(SHOWN_MAX).map(|row| event(row, clock)));
            }
            Step::Users => {
                let users = distinct(rows, |row| Some(&row.partition_key));
                self.found.extend(users.map(|row| user(row, clock)));
            }
            Step::Names => {
                let names = distinct(rows, |row| row.name.as_ref());
                self.found.extend(names.filter_map(name));
                let known: HashSet<_> = self.found.iter().map(|item| item.detail.clone()).collect();
                let newest = rows.iter().take(SHOWN_MAX).map(|row| event(row, clock));
                self.found.extend(newest.filter(|item| !known.contains(&item.detail)));
            }
        }
        self.found.sort_by_key(|item| item.group);
    }
}

/// The first row of each value.
fn distinct<'r>(
    rows: &'r [Delivery],
    of: impl Fn(&'r Delivery) -> Option<&'r Arc<str>> + 'r,
) -> impl Iterator<Item = &'r Delivery> {
    let mut known = HashSet::new();
    rows.iter().filter(move |row| of(row).is_some_and(|value| known.insert(value))).take(SHOWN_MAX)
}

fn event(row: &Delivery, clock: &Clock) -> Item {
    let kind = row.kind.map_or("event", crate::event::Kind::as_str);
    let state = detail::state_word(row.state);
    Item {
        group: Group::Events,
        icon: Icon::Activity,
        title: row.name.as_deref().unwrap_or(kind).to_owned(),
        detail: format!(
            "{state} · {} · {} · {}",
            row.partition_key,
            clock.short(row.received_at),
            row.message_id
        ),
        keys: None,
        command: Command::ShowDelivery(row.id),
    }
}

fn user(row: &Delivery, clock: &Clock) -> Item {
    let key = QueryKey::Field(Field::User);
    Item {
        group: Group::Users,
        icon: Icon::User,
        title: row.partition_key.to_string(),
        detail: format!("User: all events, the newest {}", clock.short(row.received_at)),
        keys: None,
        command: Command::Search(query::with("", key, &[&row.partition_key])),
    }
}

/// All events of this row's name.
fn name(row: &Delivery) -> Option<Item> {
    let name = row.name.as_deref()?;
    Some(Item {
        group: Group::Events,
        icon: Icon::Tag,
        title: name.to_owned(),
        detail: "All events of this name".to_owned(),
        keys: None,
        command: Command::Search(query::with("", QueryKey::Field(Field::Event), &[name])),
    })
}
