//! A run of the program under the shim: its operations on files, and the answers to its senders.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::disk::{Disk, FailedSync, State, read_in};
use crate::history::{History, Sender};
use crate::log::Log;
use crate::program::{Ended, Home, Serve, Settings, ended, wait_until};
use crate::shim::{Control, RULES, Rule, library};

/// Maximum pause of a sender between two requests.
const REST: Duration = Duration::from_millis(4);

/// What a sender sends.
#[derive(Clone, Copy, Debug)]
pub enum Request {
    /// A single event with this number of bytes of text.
    One(usize),
    /// A hundred events: enough for a segment.
    Batch,
}

pub struct Recording {
    pub home: Home,
    pub settings: Settings,
    /// The folder whose file system loses power: the data folder, or one above it.
    pub root: PathBuf,
    /// The path of the data folder in it.
    pub data: PathBuf,
    pub log: PathBuf,
    pub control: Control,
    pub history: Arc<History>,
    /// Its content before.
    pub base: State,
}

impl Recording {
    pub fn new(settings: Settings) -> Self {
        Self::below(settings, Path::new(""))
    }

    /// `data`: folders below the root that the program has to create.
    pub fn below(settings: Settings, data: &Path) -> Self {
        let home = Home::new(&std::env::temp_dir(), &Path::new("disk").join(data), &settings);
        let root = home.path().join("disk");
        std::fs::create_dir(&root).expect("the folder is ours");
        Self {
            log: home.path().join("ops.log"),
            control: Control::new(&home.path().join("rules")),
            home,
            settings,
            root,
            data: data.to_path_buf(),
            history: Arc::default(),
            base: State::new(),
        }
    }

    /// Sets other settings, from the next start on.
    pub fn set(&mut self, settings: Settings) {
        self.home.set(&settings);
        self.settings = settings;
    }

    pub fn variables(&self) -> [(&str, &Path); 4] {
        [
            ("LD_PRELOAD", library()),
            ("POWERLOSS_FOLDER", &self.root),
            ("POWERLOSS_LOG", &self.log),
            (RULES, &self.control.path),
        ]
    }

    /// `Err`: its output when it did not start.
    pub fn try_start(&self) -> Result<Serve, String> {
        self.home.serve(&self.variables())
    }

    pub fn start(&self) -> Serve {
        self.try_start().unwrap_or_else(|said| panic!("the program does not start: {said}"))
    }

    /// Runs a command to its end. Its operations on files are recorded too.
    pub fn run(&self, words: &[&str]) -> Ended {
        let mut command = self.home.command(words);
        command.envs(self.variables());
        ended(&mut command)
    }

    pub fn sender(&self, serve: &Serve, name: &str) -> Sender<'_> {
        Sender::new(&self.history, serve, name)
    }

    /// Runs several senders at a time, each with a random generator of its own.
    pub fn together(
        &self,
        serve: &Serve,
        names: &[&str],
        work: impl Fn(&mut Sender<'_>, &mut fastrand::Rng) + Sync,
    ) {
        std::thread::scope(|scope| {
            for (seed, name) in (1..).zip(names) {
                let work = &work;
                scope.spawn(move || {
                    work(&mut self.sender(serve, name), &mut fastrand::Rng::with_seed(seed));
                });
            }
        });
    }

    /// Senders that go on, whatever the answers are, while `meanwhile` runs.
    pub fn under_load(&self, serve: &Serve, names: &[&str], requests: &[Request], meanwhile: impl FnOnce()) {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for (seed, name) in (1..).zip(names) {
                let (over, mut sender) = (&over, self.sender(serve, name));
                scope.spawn(move || {
                    let mut random = fastrand::Rng::with_seed(seed);
                    while !over.load(Ordering::Relaxed) {
                        let status = match random.choice(requests).expect("there are some") {
                            Request::One(pad) => sender.one(*pad),
                            Request::Batch => sender.batch(100, 420),
                        };
                        rest(&mut random, if status == 200 { 1 } else { 10 });
                    }
                });
            }
            let _over = Over(&over);
            meanwhile();
        });
    }

    /// Waits until this number of further requests was answered with 200.
    pub fn wait_accepted(&self, more: usize) {
        let before = self.history.answers(200);
        wait_until("requests are accepted", || self.history.answers(200) >= before + more);
    }

    /// Sets a rule, and waits until it was applied.
    pub fn meet(&self, place: u64, rule: Rule) {
        self.control.set(place, rule);
        wait_until("the program does what is to fail", || self.control.fired(place) > 0);
    }

    /// Everything the program did. The model of the disk must come to the real content.
    pub fn read(&self) -> Log {
        let log = Log::read(&self.log);
        let mut disk = Disk::new(&log, &self.root, &self.base, FailedSync::Waits);
        disk.go_to(log.records.len());
        let (modelled, real) = (disk.live(), read_in(&self.root));
        let names = |state: &State| state.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&modelled), names(&real), "the shim has seen every name");
        for (path, content) in &real {
            let is_memory = path.to_string_lossy().ends_with("-shm");
            assert!(
                is_memory || modelled[path] == *content,
                "the shim has not seen all of {}",
                path.display()
            );
        }
        log
    }
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Rests for a random time, `times` as long as usual.
pub fn rest(random: &mut fastrand::Rng, times: u32) {
    std::thread::sleep(REST.mul_f64(random.f64()) * times);
}
