//! Cuts the power at many points of a recording and judges the possible states.

use std::collections::{BTreeMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, mpsc};

use crate::cut::{Shape, digest};
use crate::disk::{Disk, FailedSync, State, lay_out};
use crate::log::{Log, Op, Record, class};
use crate::program::Settings;
use crate::recording::Recording;
use crate::verdict::{Problem, Truth, judge, scratch};

/// Maximum states of one point: after these, another point is more likely to show something new.
const STATES_A_PLACE: usize = 3;

/// Maximum states with problems that are kept on disk, for each scenario.
const KEPT: usize = 3;

/// Number of records after a failed sync that are cut at more often.
const DOUBTFUL: usize = 10;

/// States that are judged at a time for each processor: most of the time they wait for processes.
const JUDGES_A_PROCESSOR: usize = 2;

/// Where to cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// Around answers, names and syncs, and anywhere.
    Everywhere,
    /// Around operations on the database file, on names, and on the beginning of the write-ahead log.
    Copying,
    /// Around names, and operations on a file just after it got its name.
    Names,
}

/// How one scenario is explored.
pub struct Plan<'a> {
    pub name: &'static str,
    pub recording: &'a Recording,
    pub focus: Focus,
    /// Divides the usual number of states: some states are large, some scenarios have several recordings.
    pub divisor: usize,
    /// Minimum number of states, however few are wanted elsewhere.
    pub states_min: usize,
    /// The disks, which differ in the cost of a failed sync; without one, all are the same.
    pub disks: &'static [FailedSync],
    pub pruned: bool,
}

/// The result.
pub struct Found {
    name: &'static str,
    pub states: usize,
    pub problems: Vec<(String, Vec<Problem>)>,
}

struct Task {
    name: String,
    state: State,
    acknowledged: usize,
    position: u64,
}

/// States of a scenario. `.ci/run` uses the default; the long form is in docs/reliability.md.
pub fn states_wanted() -> usize {
    number("TRIBUTARY_POWERLOSS_STATES").map_or(16, |count| usize::try_from(count).unwrap_or(usize::MAX))
}

pub fn seed() -> u64 {
    number("TRIBUTARY_POWERLOSS_SEED").unwrap_or(1)
}

fn number(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a test's own knob")]
    std::env::var(name).ok()?.parse().ok()
}

impl<'a> Plan<'a> {
    pub fn new(name: &'static str, recording: &'a Recording) -> Self {
        Self {
            name,
            recording,
            focus: Focus::Everywhere,
            divisor: 1,
            states_min: 4,
            disks: &[FailedSync::Waits],
            pruned: false,
        }
    }

    /// Syncs fail in this recording.
    pub fn gate(mut self) -> Self {
        self.disks = &[FailedSync::Loses, FailedSync::Waits];
        self
    }

    /// Syncs of files that the program can truncate fail, so blocks that stay empty must not lose anything either.
    pub fn gate_and_dead_blocks(mut self) -> Self {
        self.disks = &[FailedSync::Loses, FailedSync::Waits, FailedSync::LosesBlocks];
        self
    }

    pub fn near(mut self, focus: Focus) -> Self {
        self.focus = focus;
        self
    }

    pub fn at_least(mut self, states: usize) -> Self {
        self.states_min = states;
        self
    }

    pub fn one_in(mut self, divisor: usize) -> Self {
        self.divisor = divisor;
        self
    }

    pub fn pruned(mut self) -> Self {
        self.pruned = true;
        self
    }

    /// Judges the states as [`judge`] does.
    pub fn explore(&self) -> Found {
        let place = scratch();
        // Nothing is delivered while a state is judged.
        let settings = Settings { endpoint: None, ..self.recording.settings.clone() };
        self.explore_with(&|state, truth| judge(state, truth, &settings, (&place, &self.recording.data)))
    }

    pub fn explore_with(&self, judge: &(dyn Fn(&State, &Truth<'_>) -> Vec<Problem> + Sync)) -> Found {
        drop(std::fs::remove_dir_all(kept_folder(self.name)));
        let log = self.recording.read();
        let acknowledgements = self.recording.history.acknowledgements(&log);
        let sent = self.recording.history.sent();
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let (send, receive) = mpsc::sync_channel::<Task>(1);
        let receive = Mutex::new(receive);
        let found = Mutex::new(Found { name: self.name, states: 0, problems: Vec::new() });
        let work = || {
            loop {
                let task = receive.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(task) = task else { return };
                let groups = &acknowledgements[..task.acknowledged];
                let truth = Truth {
                    sent: &sent,
                    acknowledged: groups.iter().flat_map(|(_, ids)| ids.iter().cloned()).collect(),
                    delivered: self.recording.history.delivered_by(if self.pruned {
                        task.position
                    } else {
                        0
                    }),
                    pruned: self.pruned,
                };
                let problems = catch_unwind(AssertUnwindSafe(|| judge(&task.state, &truth)));
                let problems = problems.unwrap_or_else(|_panic| {
                    vec![Problem { kind: "stop", text: "judging it did not come to an end".to_owned() }]
                });
                found.lock().unwrap_or_else(PoisonError::into_inner).add(task, problems);
            }
        };
        let kinds = std::thread::scope(|scope| {
            let judges: Vec<_> = (0..processors * JUDGES_A_PROCESSOR).map(|_| scope.spawn(work)).collect();
            let kinds = self.cut(&log, &acknowledgements, &send);
            drop(send);
            for judge in judges {
                judge.join().expect("judging does not panic");
            }
            kinds
        });
        let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        let heard: usize = acknowledgements.iter().map(|(_, ids)| ids.len()).sum();
        found.tell(&kinds, &format!("{heard} events acknowledged, {} records", log.records.len()));
        found
    }

    /// Hands out states until there are enough. Returns their number by model.
    fn cut(
        &self,
        log: &Log,
        acknowledgements: &[(usize, Vec<String>)],
        send: &mpsc::SyncSender<Task>,
    ) -> BTreeMap<&'static str, usize> {
        let wanted = states_wanted().div_ceil(self.divisor).max(self.states_min);
        let recording = self.recording;
        let mut disks: Vec<_> = self
            .disks
            .iter()
            .map(|failed| (*failed, Disk::new(log, &recording.root, &recording.base, *failed)))
            .collect();
        let mut kinds = BTreeMap::new();
        let mut known = HashSet::new();
        // Each point may have few states: more points than needed, spread over the whole recording.
        let mut random = fastrand::Rng::with_seed(seed());
        let places = self.places(log, wanted.div_ceil(STATES_A_PLACE) * 3 / 2, &mut random);
        let most = wanted.div_ceil(places.len().max(1)).max(STATES_A_PLACE);
        for (turn, place) in places.into_iter().enumerate() {
            let number = disks.len();
            let (failed_sync, disk) = &mut disks[turn % number];
            disk.go_to(place);
            let acknowledged = acknowledgements.partition_point(|(index, _)| *index < place);
            let position = log.records.get(place).map_or(u64::MAX, |record| record.position);
            let mut shapes = Shape::all();
            random.shuffle(&mut shapes);
            let mut here = 0;
            for shape in shapes {
                let state = disk.cut(shape, &mut random);
                if !known.insert((digest(&state), acknowledged)) {
                    continue;
                }
                let model = match (*failed_sync, shape) {
                    (FailedSync::Loses, _) => "gate",
                    (FailedSync::LosesBlocks, _) => "dead blocks",
                    (FailedSync::Waits, Shape::Posix { .. }) => "posix",
                    (FailedSync::Waits, Shape::Ext4 { .. }) => "ext4",
                };
                *kinds.entry(model).or_default() += 1;
                let name = format!("{} cut at {place}, {model}, {shape:?}", self.name);
                let task = Task { name, state, acknowledged, position };
                send.send(task).expect("the judges wait for it");
                here += 1;
                if here == most {
                    break;
                }
            }
        }
        kinds
    }

    /// Records before which to cut.
    fn places(&self, log: &Log, count: usize, random: &mut fastrand::Rng) -> Vec<usize> {
        let indexed = || log.records.iter().enumerate();
        let around = |wanted: &dyn Fn(&Record) -> bool, behind: usize| -> Vec<usize> {
            let near = indexed().filter(|(_, one)| wanted(one)).flat_map(|(index, _)| index..=index + behind);
            near.filter(|place| *place <= log.records.len()).collect::<HashSet<_>>().into_iter().collect()
        };
        let is_name = |record: &Record| {
            matches!(record.op, Op::Create | Op::Mkdir | Op::Rename | Op::Link | Op::Unlink | Op::Rmdir)
        };
        // What a failed sync covered is in doubt until it is written again.
        let doubtful = around(&|one| one.op == Op::SyncEnd && one.result == -1, DOUBTFUL);
        let is_sync = |one: &Record| matches!(one.op, Op::SyncBegin | Op::SyncEnd);
        let is_change = |one: &Record| matches!(one.op, Op::Write | Op::Truncate);
        let answers = around(&|one| one.op == Op::Acknowledge, 1);
        // Each group with its share.
        let mut groups = match self.focus {
            Focus::Everywhere => vec![
                (35, answers),
                (40, around(&|one| is_name(one) || one.op == Op::Truncate || is_sync(one), 1)),
                (25, around(&|one| one.op == Op::Write, 1)),
            ],
            Focus::Copying => vec![
                (20, answers),
                (
                    80,
                    around(
                        &|one| {
                            is_name(one)
                                || (one.class == class::DATABASE && (is_change(one) || is_sync(one)))
                                || (one.class == class::WAL && is_change(one) && one.offset == 0)
                        },
                        1,
                    ),
                ),
            ],
            Focus::Names => vec![(100, around(&is_name, 4))],
        };
        groups.push((60, doubtful));
        groups.retain(|(_, group): &(usize, Vec<usize>)| !group.is_empty());
        let all: usize = groups.iter().map(|(share, _)| share).sum();
        let mut places = HashSet::from([log.records.len()]);
        for (share, mut group) in groups {
            group.sort_unstable();
            random.shuffle(&mut group);
            places.extend(group.into_iter().take((count * share / all).max(1)));
        }
        let mut places: Vec<usize> = places.into_iter().collect();
        places.sort_unstable();
        places
    }
}

impl Found {
    fn add(&mut self, task: Task, problems: Vec<Problem>) {
        self.states += 1;
        if problems.is_empty() {
            return;
        }
        let mut name = task.name;
        if self.problems.len() < KEPT {
            let kept = kept_folder(self.name).join(self.problems.len().to_string());
            lay_out(&task.state, &kept);
            name = format!("{name} (kept in {})", kept.display());
        }
        self.problems.push((name, problems));
    }

    #[expect(clippy::print_stdout, reason = "what was looked at, for --nocapture and failures")]
    fn tell(&self, models: &BTreeMap<&'static str, usize>, of: &str) {
        let Self { name, states, problems } = self;
        let (bad, seed) = (problems.len(), seed());
        println!(
            "{name}: {states} states {models:?}, {bad} with problems {:?}; {of}, seed {seed}",
            self.kinds()
        );
    }

    /// Number of states with each problem.
    fn kinds(&self) -> BTreeMap<&'static str, usize> {
        let mut kinds = BTreeMap::new();
        for (_, problems) in &self.problems {
            let of_state: HashSet<_> = problems.iter().map(|problem| problem.kind).collect();
            for kind in of_state {
                *kinds.entry(kind).or_default() += 1;
            }
        }
        kinds
    }

    /// No state may have a problem.
    pub fn must_be_whole(&self) {
        if self.problems.is_empty() {
            return;
        }
        let shown: Vec<String> = self
            .problems
            .iter()
            .take(8)
            .map(|(name, problems)| {
                let texts: Vec<String> =
                    problems.iter().take(4).map(|one| format!("\n    {one:.400}")).collect();
                format!("  {name}{}", texts.concat())
            })
            .collect();
        panic!(
            "{} of {} states have problems {:?}:\n{}",
            self.problems.len(),
            self.states,
            self.kinds(),
            shown.join("\n")
        );
    }

    /// A control: syncs lied, so losses must have been detected.
    pub fn must_have_lost(&self, kinds: &[&str]) {
        let seen = self.kinds();
        assert!(
            kinds.iter().any(|kind| seen.contains_key(kind)),
            "{}: syncs lied, and of {} states none shows {kinds:?}: {seen:?}",
            self.name,
            self.states
        );
    }
}

/// The folder for the first states with problems of a scenario, until it runs again.
fn kept_folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("powerloss").join(name.replace(' ', "-"))
}
