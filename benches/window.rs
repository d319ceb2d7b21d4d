//! The window over a long log, without a display: the time until the first lines are shown, until a search has found
//! its text, and the cost of a frame while scrolling and while events come. `cargo bench --bench window`; `-- --events
//! N` sets the length of the log.
//!
//! A frame here is everything but the graphics card: the app's logic, layout, the tree for screen readers and, in the
//! rows that say so, the window's own pause of 50 ms between two reads of the engine's state.

#[path = "end_to_end/template.rs"]
mod template;

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::Parser;
use eframe::egui::{self, Key, Modifiers, accesskit::Role};
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use tributary::{
    app::{App, Running},
    clock::now_ms,
    config::{Config, Source},
    delivery::Receipt,
    engine::{Engine, Paths},
    event::{Arrival, Body, Encoding, Event, PathClass},
    spool::{Arrivals, Limits, Settlement, Spool},
};

use template::{EVENT_BYTES, Template, WRITE_KEY, user_of};

type Window = Harness<'static, App>;

/// Events per request.
const GROUP: usize = 100;

const USERS: u64 = 10_000;

/// Frames of a row that measures frames.
const FRAMES: usize = 300;

/// Maximum time of any step.
const STEP_MAX: Duration = Duration::from_mins(2);

/// Events a second in the row with new events.
const RATE: u64 = 5_000;

#[derive(Debug, Parser)]
#[command(about = "Measures the window over a long log, without a display")]
struct Args {
    /// Delivered events in the log
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Passed by cargo to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if !args.bench {
        // `cargo test --all-targets` starts benchmarks too, without this argument.
        print("Measures only with --bench, which `cargo bench` says by itself.");
        return Ok(());
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    fill(&folder.path().join("data"), args.events)?;
    let began = Instant::now();
    let mut window = open(folder.path(), args.events)?;
    print(&format!(
        "{} delivered events of {EVENT_BYTES} bytes in the log\n\n| what | time |\n| --- | --: |",
        args.events
    ));
    row("start: the engine and the first frame", began.elapsed());
    looks(&mut window, args.events)?;
    scrolls(&mut window, args.events)?;
    while_events_come(&mut window)
}

#[expect(clippy::print_stdout, reason = "the answer")]
fn print(text: &str) {
    println!("{text}");
}

fn row(name: &str, took: Duration) {
    print(&format!("| {name} | {:.1} ms |", took.as_secs_f64() * 1e3));
}

/// The median and the 99th percentile.
fn frames_row(name: &str, mut frames: Vec<Duration>) {
    frames.sort_unstable();
    let at = |percent: usize| frames[(frames.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    print(&format!(
        "| {name}: a frame, p50 / p99 / max of {} | {:.1} / {:.1} / {:.1} ms |",
        frames.len(),
        at(50),
        at(99),
        at(100)
    ));
}

/// A log with this number of delivered events.
fn fill(folder: &Path, events: u64) -> anyhow::Result<()> {
    let limits = Limits {
        max_bytes: 2 << 30,
        min_free_bytes: 0,
        max_source_percent: 100,
        keep_events: events,
        keep_rejected: 1_000_000,
        drop_repeats: false,
    };
    let (spool, threads) = Spool::open(folder, limits)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut template = Template::new(GROUP);
        let (mut sent, mut cursor, mut settled) = (0, 0, 0);
        while settled < events {
            if sent < events {
                let some: Vec<Vec<Event>> = (0..50)
                    .map(|_| {
                        let events = events_of(template.stamp(sent, USERS));
                        sent += GROUP as u64;
                        events
                    })
                    .collect::<anyhow::Result<_>>()?;
                let appends = some.into_iter().map(|events| {
                    let source = Arc::from("benchmark");
                    spool.append(Arrivals { source, received_at: now_ms(), events, ..Arrivals::default() })
                });
                for appended in futures_util::future::join_all(appends).await {
                    appended?;
                }
            }
            let next = spool.next(cursor, 5_000, 32 << 20).await?;
            cursor = next.through;
            settled += next.events.len() as u64;
            let settlements = next.events.iter().map(|event| Settlement {
                id: event.id,
                bytes: event.json.len(),
                at: now_ms(),
                attempts: 1,
                took_ms: 1,
                encoding: Encoding::Base64,
                result: Ok(Receipt {
                    shard_id: "shardId-000000000000".into(),
                    sequence_number: format!("496543269573985634983{:035}", event.id).into(),
                    place: None,
                }),
            });
            spool.settle(settlements.collect()).await;
        }
        let mut summary = spool.watch();
        summary.wait_for(|now| now.ledger.delivered >= events).await.context("the spool closed early")?;
        spool.close().await;
        anyhow::Ok(())
    })?;
    drop(spool);
    threads.join();
    Ok(())
}

fn events_of(request: &[u8]) -> anyhow::Result<Vec<Event>> {
    let head = request.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
    let arrival = Arrival {
        received_at_ms: now_ms(),
        class: PathClass::Server,
        peer: None,
        encoding: Encoding::Base64,
        record_bytes_max: 1 << 20,
    };
    let body = Body::parse(&request[head..]).map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?;
    let events = body.batch(&arrival).map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?;
    events.map(|event| event.map_err(|refusal| anyhow::anyhow!("{refusal:?}"))).collect()
}

fn open(folder: &Path, events: u64) -> anyhow::Result<Window> {
    let mut config = Config::default();
    config.capture.listen = ([127, 0, 0, 1], 0).into();
    config.capture.sources = vec![Source::new("Benchmark", WRITE_KEY)];
    config.destination.operation = tributary::config::Operation::PutRecords;
    // Events that come during the measurement must not prune the log that is measured.
    config.log.keep_events = events * 2;
    let paths = Paths { config_file: None, data_dir: folder.join("data") };
    let engine = Engine::start(config, paths)?;
    let mut engine = Some(engine);
    let data_dir = folder.to_owned();
    let mut window =
        Harness::builder().with_size([1280.0, 820.0]).with_max_steps(100).build_eframe(move |cc| {
            App::new(cc, move |_address| {
                let engine = engine.take().expect("started once");
                let (config_path, data_dir) = ("config.toml".into(), data_dir.clone());
                Ok(Running { engine, config_path, data_dir, held: Vec::new() })
            })
        });
    window.step();
    Ok(window)
}

/// The labels of the visible lines.
fn lines(window: &Window) -> Vec<String> {
    let rows = window.query_all_by_role(Role::Row);
    rows.filter_map(|row| row.accesskit_node().label()).collect()
}

/// The number in the messageId of a line's label.
fn number_of(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once("node-next-")?;
    rest.get(..16)?.parse().ok()
}

fn says(window: &Window, text: &str) -> bool {
    window.query_all_by_label_contains(text).next().is_some()
}

/// Draws frames until `done`, as fast as possible.
fn wait_for(window: &mut Window, what: &str, done: impl Fn(&Window) -> bool) -> anyhow::Result<Duration> {
    let began = Instant::now();
    loop {
        window.step();
        if done(window) {
            return Ok(began.elapsed());
        }
        anyhow::ensure!(began.elapsed() < STEP_MAX, "timed out: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn search(window: &mut Window, text: &str) {
    window.key_press_modifiers(Modifiers::COMMAND, Key::F);
    window.step();
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.step();
    if text.is_empty() {
        window.key_press(Key::Delete);
    } else {
        window.get_by_role_and_label(Role::TextInput, "Search the log").type_text(text);
    }
    window.step();
}

/// Time until the wanted lines are visible. A search begins 220 ms after the last letter was typed: that is part of it.
fn looks(window: &mut Window, events: u64) -> anyhow::Result<()> {
    window.key_press_modifiers(Modifiers::COMMAND, Key::Num4);
    row("Live: first lines", wait_for(window, "first lines", |window| lines(window).len() > 10)?);
    let of_user = usize::try_from(events / USERS).unwrap_or(usize::MAX);
    let user = user_of(7, USERS);
    search(window, &format!("userId:user-{user:08}"));
    let of_them = move |line: &String| number_of(line).is_some_and(|number| user_of(number, USERS) == user);
    let found = move |window: &Window, least: usize| {
        let lines = lines(window);
        lines.len() >= least && lines.iter().all(of_them)
    };
    let first = wait_for(window, "a user", |window| found(window, 1))?;
    row("one user's events: first lines", first);
    let full = wait_for(window, "a page", |window| found(window, of_user.min(15)))?;
    row("one user's events: the lines in sight are full, after that", full);
    for (what, text) in [
        ("a word that is nowhere: the whole log was read", "no-such-word-anywhere"),
        ("a state that nothing is in", "state:failed"),
    ] {
        search(window, "");
        wait_for(window, "all lines", |window| lines(window).len() > 10)?;
        search(window, text);
        row(what, wait_for(window, "nothing", |window| says(window, "No matches"))?);
    }
    search(window, "");
    wait_for(window, "all lines", |window| lines(window).len() > 10)?;
    Ok(())
}

fn wheel(window: &mut Window, points: f32) {
    let list = egui::pos2(700.0, 600.0);
    window.event(egui::Event::PointerMoved(list));
    window.event(egui::Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: egui::vec2(0.0, -points),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Unknown,
        modifiers: Modifiers::NONE,
    });
}

fn scrolls(window: &mut Window, events: u64) -> anyhow::Result<()> {
    let mut frames = Vec::with_capacity(FRAMES);
    let before = lines(window);
    for _ in 0..FRAMES {
        wheel(window, 120.0);
        let began = Instant::now();
        window.step();
        frames.push(began.elapsed());
    }
    anyhow::ensure!(lines(window) != before, "it does not scroll");
    frames_row("scrolling by hand", frames);
    wheel(window, 28.0 * events as f32 / 2.0);
    let middle = events / 3..events - events / 3;
    let there = wait_for(window, "the middle of the log", |window| {
        let now = lines(window);
        now.len() > 10
            && now.iter().all(|line| number_of(line).is_some_and(|number| middle.contains(&number)))
    })?;
    row("half of the log further, with the way there: its lines", there);
    wheel(window, -40_000_000.0);
    wait_for(window, "the top", |window| lines(window).len() > 10)?;
    Ok(())
}

/// Events come at [`RATE`] while the newest lines are shown, at twenty frames a second, as the window then draws.
fn while_events_come(window: &mut Window) -> anyhow::Result<()> {
    let address = address(window).context("the endpoint's address is in the status line")?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let sender =
        std::thread::Builder::new().name("sender".to_owned()).spawn(move || send(&address, &stopped))?;
    let mut frames = Vec::with_capacity(FRAMES);
    for _ in 0..FRAMES {
        let began = Instant::now();
        window.step();
        frames.push(began.elapsed());
        std::thread::sleep(Duration::from_millis(50).saturating_sub(began.elapsed()));
    }
    stop.store(true, Ordering::Release);
    let (sent, took) = sender.join().map_err(|_panic| anyhow::anyhow!("the sender panicked"))??;
    frames_row(&format!("{:.0} events/s come", sent as f64 / took.as_secs_f64()), frames);
    Ok(())
}

fn address(window: &Window) -> Option<String> {
    let mut labels = window.query_all_by_label_contains("http://127.0.0.1:");
    let text = labels.find_map(|node| node.accesskit_node().label().or(node.accesskit_node().value()))?;
    Some(text.trim_start_matches("http://").to_owned())
}

/// Returns how many events were sent, and in which time.
fn send(address: &str, stop: &AtomicBool) -> anyhow::Result<(u64, Duration)> {
    let mut stream = TcpStream::connect(address)?;
    let mut template = Template::new(GROUP);
    let (began, mut sent, mut answer) = (Instant::now(), 0, vec![0; 1 << 16]);
    while !stop.load(Ordering::Acquire) {
        stream.write_all(template.stamp(1 << 40 | sent, USERS))?;
        let read = stream.read(&mut answer)?;
        anyhow::ensure!(answer[..read].starts_with(b"HTTP/1.1 200"), "an event was refused");
        sent += GROUP as u64;
        // The rest of the answer may come later; it is small.
        std::thread::sleep(
            (began + Duration::from_secs(sent) / u32::try_from(RATE)?)
                .saturating_duration_since(Instant::now()),
        );
    }
    Ok((sent, began.elapsed()))
}
