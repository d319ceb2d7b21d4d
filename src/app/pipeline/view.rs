//! What each box of the strip says, and what a click on it does: decided from the status. Pure.
//!
//! Before the first event the boxes say what to do next instead.

use std::time::Duration;

use lucide_icons::Icon;

use super::{
    stage::Stage,
    trouble::{self, Trouble},
};
use crate::{
    app::{
        command::{COPY_CURL_HINT, Command, WindowCommand},
        place::Place,
        seen::Seen,
        status_line,
        widgets::{self, Tone},
    },
    config::DestinationKind,
    delivery::{
        Field, ForwarderState, Intake, Millis, State,
        query::{self, QueryKey},
    },
};

/// Seconds in a sparkline.
const SECONDS: usize = 60;
/// How long a source counts as active after its last request, and a refused sender as present.
const PRESENT_MS: Millis = 60_000;
/// A queue whose oldest event is younger is a queue in motion: its age says nothing.
const AGE_SHOWN_MS: Millis = 2_000;

/// The dot of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dot {
    /// Nothing happens, and nothing is wrong.
    Idle,
    Good,
    Attention,
}

/// A box of the strip.
pub(super) struct BoxView {
    pub stage: Stage,
    /// What is wrong, if anything.
    pub tone: Option<Tone>,
    pub dot: Dot,
    /// Longest first: the first one that fits is shown.
    pub titles: Vec<String>,
    /// Value and addition, longest first.
    pub words: Vec<(String, String)>,
    /// One value for each second, oldest first; empty: there is no such series.
    pub series: Vec<f32>,
    /// Beside the title.
    pub link: Option<BoxLink>,
    /// The words are the next thing to do.
    pub is_next_step: bool,
    /// What the figures mean, for the tooltip.
    pub about: String,
    /// What a click does, for the tooltip; nothing while something is wrong: the drawer opens then.
    pub click: Option<(&'static str, Command)>,
    /// Events move from this stage to the next one.
    pub flows_on: bool,
}

impl BoxView {
    fn new(stage: Stage, dot: Dot, click: (&'static str, Command)) -> Self {
        Self {
            stage,
            tone: None,
            dot,
            titles: vec![stage.title().to_owned()],
            words: Vec::new(),
            series: Vec::new(),
            link: None,
            is_next_step: false,
            about: String::new(),
            click: Some(click),
            flows_on: false,
        }
    }

    fn says(&mut self, words: &[(&str, &str)]) {
        self.words = words.iter().map(|(value, more)| ((*value).to_owned(), (*more).to_owned())).collect();
    }

    /// The next thing to do instead of the figures.
    fn asks(&mut self, what: &str, click: (&'static str, Command)) {
        self.says(&[(what, "")]);
        self.is_next_step = true;
        self.click = Some(click);
    }

    /// The name for screen readers, and the first line of the tooltip.
    pub(super) fn name(&self) -> String {
        let (title, stage) = (&self.titles[0], self.stage.title());
        let title = if title.starts_with(stage) { title.clone() } else { format!("{stage}: {title}") };
        match &self.words[0] {
            (step, _) if self.is_next_step => format!("{title}. {step}"),
            (value, more) if more.is_empty() => format!("{title}: {value}"),
            (value, more) => format!("{title}: {value}, {more}"),
        }
    }
}

/// A link in a box that does something else than the box.
pub(super) struct BoxLink {
    pub icon: Option<Icon>,
    /// As it is painted.
    pub text: String,
    /// For screen readers.
    pub name: String,
    pub tone: Tone,
    /// What a click does, for the tooltip.
    pub about: &'static str,
    pub command: Command,
}

/// The whole strip.
pub(super) struct Strip {
    pub boxes: [BoxView; 5],
    /// When it reads differently by the passing of time alone.
    pub changes_in: Option<Duration>,
}

impl Strip {
    pub(super) fn of(seen: &Seen<'_>, troubles: &[Trouble]) -> Self {
        let mut changes_in = moves(seen).then(|| Duration::from_secs(1));
        let mut boxes = Stage::ALL.map(|stage| match stage {
            Stage::Sources => sources(seen, &mut changes_in),
            Stage::Endpoint => endpoint(seen),
            Stage::Spool => spool(seen, &mut changes_in),
            Stage::Forwarder => forwarder(seen),
            Stage::Destination => destination(seen),
        });
        for view in &mut boxes {
            let Some(trouble) = troubles.iter().find(|trouble| trouble.stage == view.stage) else { continue };
            view.tone = Some(trouble.tone);
            if !trouble.titles.is_empty() {
                view.titles.clone_from(&trouble.titles);
            }
            if !trouble.words.is_empty() {
                view.words.clone_from(&trouble.words);
                view.is_next_step = false;
            }
            view.about = troubles_about(troubles, view.stage);
            view.click = None;
            let counts_down = matches!(trouble.kind, trouble::Kind::Fault { next_try: Some(_), .. });
            if counts_down && seen.status.ledger.queued > 0 {
                sooner(&mut changes_in, Duration::from_secs(1));
            }
        }
        Self { boxes, changes_in }
    }
}

fn troubles_about(troubles: &[Trouble], stage: Stage) -> String {
    let of_stage = troubles.iter().filter(|trouble| trouble.stage == stage);
    of_stage.map(|trouble| trouble.what.as_str()).collect::<Vec<_>>().join("\n")
}

fn sooner(changes_in: &mut Option<Duration>, then: Duration) {
    *changes_in = Some(changes_in.map_or(then, |before| before.min(then)));
}

/// Whether a sparkline moves with the next second. The engine does not wake the window for the passing of time.
fn moves(seen: &Seen<'_>) -> bool {
    let status = seen.status;
    let counts = [&status.accepted_per_sec, &status.delivered_per_sec, &status.rejected_per_sec];
    let last = |series: &[f32]| series[series.len().saturating_sub(SECONDS + 1)..].to_vec();
    counts.into_iter().any(|series| last(series).iter().any(|count| *count > 0.0))
        || last(&status.queued_each_sec).windows(2).any(|pair| (pair[0] - pair[1]).abs() > 0.0)
}

/// The last full seconds of a series.
fn full(series: &[f32]) -> Vec<f32> {
    let full = status_line::full_seconds(series);
    full[full.len().saturating_sub(SECONDS)..].to_vec()
}

fn per_second(series: &[f32]) -> (f32, String) {
    let rate = status_line::latest(series);
    (rate, format!("{}/s", widgets::rate(rate)))
}

/// A large number in few letters.
fn compact(n: u64) -> String {
    match n {
        0..10_000 => widgets::digits(n),
        10_000..1_000_000 => format!("{}k", n / 1000),
        _ => format!("{:.1}M", n as f64 / 1e6),
    }
}

fn is_empty(seen: &Seen<'_>) -> bool {
    seen.status.newest == 0
}

fn states(states: &[State]) -> Command {
    let words: Vec<_> = states.iter().map(|state| state.as_str()).collect();
    Command::Search(query::with("", QueryKey::State, &words))
}

/// The search for events that wait in the spool.
pub(super) fn waiting_events() -> Command {
    states(&[State::Queued, State::Retrying])
}

fn sources(seen: &Seen<'_>, changes_in: &mut Option<Duration>) -> BoxView {
    let status = seen.status;
    let is_present = |at: Millis| seen.now - at < PRESENT_MS;
    let active: Vec<_> = status.sources.iter().filter(|source| is_present(source.last_seen)).collect();
    let search = match *active {
        [source] => query::with("", QueryKey::Field(Field::Source), &[&source.name]),
        _ => String::new(),
    };
    let dot = if active.is_empty() { Dot::Idle } else { Dot::Good };
    let mut view = BoxView::new(Stage::Sources, dot, ("Shows their events in Live", Command::Search(search)));
    let (rate, text) = per_second(&status.accepted_per_sec);
    let count = match active.len() {
        0 => "idle".to_owned(),
        count => format!("{count} active"),
    };
    view.says(&[(&text, &count), (&text, "")]);
    view.about = if active.is_empty() {
        "No source sent anything in the last minute.".to_owned()
    } else {
        let names: Vec<_> = active.iter().take(5).map(|source| &*source.name).collect();
        let more = if active.len() > names.len() { " …" } else { "" };
        format!("Events accepted per second. Active in the last minute: {}{more}", names.join(", "))
    };
    view.series = full(&status.accepted_per_sec);
    view.flows_on = rate > 0.0;
    if is_empty(seen) {
        let what = if seen.config.capture.sources.is_empty() { "Add a source" } else { "Connect a source" };
        view.asks(what, ("Shows the write key and the code for your SDK", Command::Go(Place::Sources)));
        // Sources has it in full.
        let is_offered = !seen.config.capture.sources.is_empty() && seen.place != Place::Sources;
        view.link = is_offered.then(|| BoxLink {
            icon: Some(Icon::Copy),
            text: "curl".to_owned(),
            name: "Copy curl".to_owned(),
            tone: Tone::Note,
            about: COPY_CURL_HINT,
            command: Command::Window(WindowCommand::CopyCurl),
        });
    }
    // A sender that is refused as a whole leaves no line in the log.
    let strange = status.unknown_senders.iter().any(|sender| is_present(sender.last_seen));
    let lost = status.wrong_paths.iter().any(|path| is_present(path.last_seen));
    if strange || lost {
        sooner(changes_in, Duration::from_secs(1));
        let why = if strange { "wrong key" } else { "wrong path" };
        view.dot = Dot::Attention;
        view.is_next_step = false;
        view.says(&[(&text, why), (why, "")]);
        view.about = format!("A sender is refused: {why}.");
        view.click = Some(("Shows in Sources who it is", Command::ShowTurnedAway));
    }
    view
}

fn endpoint(seen: &Seen<'_>) -> BoxView {
    let status = seen.status;
    let rejected: f32 = full(&status.rejected_per_sec).iter().chain(status.rejected_per_sec.last()).sum();
    let address = status.endpoint.unwrap_or(seen.config.capture.listen);
    let port = format!(":{}", address.port());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of one minute")]
    let rejected = rejected as u64;
    let state = match &status.intake {
        Intake::Starting => "starting".to_owned(),
        Intake::Stopping => "stopping".to_owned(),
        _ if rejected > 0 => format!("{} rejected", compact(rejected)),
        Intake::Ready | Intake::Full | Intake::DiskFull | Intake::Failing(_) => "accepting".to_owned(),
    };
    let dot = match (&status.intake, rejected) {
        (Intake::Ready, 0) => Dot::Good,
        (Intake::Ready, _) => Dot::Attention,
        _ => Dot::Idle,
    };
    let click = ("Shows rejected events in Live", states(&[State::Rejected]));
    let mut view = BoxView::new(Stage::Endpoint, dot, click);
    view.says(&[(&port, &state), (&state, ""), (&port, "")]);
    view.about = format!(
        "SDKs send to {}. Rejected in the last minute: {}",
        seen.public_endpoint(),
        widgets::digits(rejected)
    );
    view.series = if rejected > 0 { full(&status.rejected_per_sec) } else { Vec::new() };
    view.flows_on = per_second(&status.accepted_per_sec).0 > 0.0;
    if is_empty(seen) && status.intake == Intake::Ready {
        view.titles.insert(0, format!("Endpoint {port}"));
        let click = ("Sends one through this endpoint and follows it to its record", Command::SendDraft);
        view.asks("Send a test event", click);
    }
    view
}

fn spool(seen: &Seen<'_>, changes_in: &mut Option<Duration>) -> BoxView {
    let status = seen.status;
    let queued = status.ledger.queued;
    let dot = if queued > 0 { Dot::Good } else { Dot::Idle };
    let mut view = BoxView::new(Stage::Spool, dot, ("Shows waiting events in Live", waiting_events()));
    let count = widgets::digits(queued);
    let waiting = format!("{count} waiting");
    let age = status.oldest_queued_at.map(|at| seen.now - at).filter(|age| *age >= AGE_SHOWN_MS);
    match age {
        _ if queued == 0 => view.says(&[("Empty", "")]),
        None => view.says(&[(&waiting, ""), (&count, ""), (&compact(queued), "")]),
        Some(age) => {
            let (age, then) = widgets::age(age);
            sooner(changes_in, then);
            let oldest = format!("oldest {age}");
            view.says(&[
                (&waiting, &oldest),
                (&count, &oldest),
                (&compact(queued), &oldest),
                (&compact(queued), &age),
            ]);
        }
    }
    view.about = format!(
        "Events safe on disk that wait to be delivered: {count}, {}",
        widgets::bytes(status.ledger.queued_bytes)
    );
    view.series = full(&status.queued_each_sec);
    view.flows_on = per_second(&status.delivered_per_sec).0 > 0.0;
    view
}

fn forwarder(seen: &Seen<'_>) -> BoxView {
    let status = seen.status;
    let (rate, text) = per_second(&status.delivered_per_sec);
    let dot = if status.forwarder == ForwarderState::Running { Dot::Good } else { Dot::Idle };
    let click = ("Shows in Live what is put again or failed", states(&[State::Retrying, State::Failed]));
    let mut view = BoxView::new(Stage::Forwarder, dot, click);
    let word = status_line::forwarder_word(&status.forwarder);
    if rate > 0.0 {
        view.says(&[(word, &text), (&text, ""), (word, "")]);
    } else {
        view.says(&[(word, "")]);
    }
    status_line::forwarder_meaning(&status.forwarder).clone_into(&mut view.about);
    view.series = full(&status.delivered_per_sec);
    view.link = (status.ledger.failed > 0).then(|| {
        let text = format!("{} failed", widgets::digits(status.ledger.failed));
        BoxLink {
            icon: None,
            name: text.clone(),
            text,
            tone: Tone::Bad,
            about: "Shows them in Live, each with its reason",
            command: states(&[State::Failed]),
        }
    });
    view.flows_on = rate > 0.0;
    view
}

fn destination(seen: &Seen<'_>) -> BoxView {
    let status = seen.status;
    let is_practice = seen.config.destination.kind == DestinationKind::Practice;
    let is_running = matches!(status.forwarder, ForwarderState::Running | ForwarderState::Throttled(_));
    let dot = if is_running && status.takes_records { Dot::Good } else { Dot::Idle };
    let click = ("Shows delivered events in Live", states(&[State::Delivered]));
    let mut view = BoxView::new(Stage::Destination, dot, click);
    view.titles = vec![status_line::destination_in_force(seen)];
    let short = if is_practice { "Practice" } else { status_line::stream_name(seen.config) };
    view.titles.push(short.to_owned());
    // Exact figures of a large count would be laid out anew in each frame, and nobody could read them.
    let delivered = format!("{} delivered", compact(status.ledger.delivered));
    let all = widgets::digits(status.ledger.delivered);
    let all = format!("All deliveries so far, whatever their destination was: {all}.");
    if !is_practice && !status.takes_records {
        // The ledger counts deliveries to every destination.
        view.says(&[("Nothing delivered yet", ""), ("None yet", "")]);
        "No event has been delivered with these settings yet.".clone_into(&mut view.about);
    } else if let Some(ms) = status.delivery_p95_ms {
        let p95 = format!("p95 {}", widgets::duration(ms));
        view.says(&[(&delivered, &p95), (&delivered, "")]);
        view.about = format!(
            "{all} 95 % of the events of the last minute were delivered within {} of their arrival.",
            widgets::duration(ms)
        );
    } else {
        view.says(&[(&delivered, "")]);
        view.about = format!("{all} None was in the last minute.");
    }
    if is_empty(seen) && is_practice {
        view.asks("Switch to yours", ("Leads through the set-up of your stream", Command::Go(Place::SetUp)));
        "Events go to the practice stream inside this app.".clone_into(&mut view.about);
    }
    view
}
