//! A run of the program under the shim: what it did to its files, and what its senders heard.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::disk::{Disk, FailedSync, State, read_in};
use crate::history::{History, Sender};
use crate::log::Log;
use crate::program::{Ended, Home, Serve, Settings, ended, wait_until};
use crate::shim::{Control, Rule, library};

/// How long a sender rests between two requests, at most.
const REST: Duration = Duration::from_millis(4);

/// What a sender sends.
#[derive(Clone, Copy, Debug)]
pub enum Request {
    /// A single event with so many bytes of text.
    One(usize),
    /// A hundred events: enough for a segment.
    Batch,
}

pub struct Recording {
    pub home: Home,
    pub settings: Settings,
    /// The folder whose file system loses power: the data folder, or one above it.
    pub root: PathBuf,
    /// Where the data folder is in it.
    pub data: PathBuf,
    pub log: PathBuf,
    pub control: Control,
    pub history: Arc<History>,
    /// What was there before.
    pub base: State,
}

impl Recording {
    pub fn new(settings: Settings) -> Self {
        Self::below(settings, Path::new(""))
    }

    /// `data`: below the root, folders that the program has to make.
    pub fn below(settings: Settings, data: &Path) -> Self {
        let home = Home::new(&std::env::temp_dir(), &Path::new("disk").join(data), &settings);
        let root = home.path().join("disk");
        std::fs::create_dir(&root).expect("the folder is ours");
        Self {
            log: home.path().join("ops.log"),
            control: Control::new(home.path().join("rules")),
            home,
            settings,
            root,
            data: data.to_path_buf(),
            history: Arc::default(),
            base: State::new(),
        }
    }

    /// Other settings from the next start on.
    pub fn set(&mut self, settings: Settings) {
        self.home.set(&settings);
        self.settings = settings;
    }

    fn variables(&self) -> [(&str, &Path); 4] {
        [
            ("LD_PRELOAD", library()),
            ("POWERLOSS_FOLDER", &self.root),
            ("POWERLOSS_LOG", &self.log),
            ("POWERLOSS_RULES", &self.control.path),
        ]
    }

    /// `Err`: what it said when it did not start.
    pub fn try_start(&self) -> Result<Serve, String> {
        self.home.serve(&self.variables())
    }

    pub fn start(&self) -> Serve {
        self.try_start().unwrap_or_else(|said| panic!("the program does not start: {said}"))
    }

    /// Runs a command to its end; what it does to the files is recorded too.
    pub fn run(&self, words: &[&str]) -> Ended {
        let mut command = self.home.command(words);
        command.envs(self.variables());
        ended(&mut command)
    }

    pub fn sender(&self, serve: &Serve, name: &str) -> Sender<'_> {
        Sender::new(&self.history, serve, name)
    }

    /// So many senders at a time, each doing its work with dice of its own.
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

    /// Senders that go on, whatever they hear, while `meanwhile` runs.
    pub fn under_load(&self, serve: &Serve, names: &[&str], requests: &[Request], meanwhile: impl FnOnce()) {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for (seed, name) in (1..).zip(names) {
                let (over, mut sender) = (&over, self.sender(serve, name));
                scope.spawn(move || {
                    let mut dice = fastrand::Rng::with_seed(seed);
                    while !over.load(Ordering::Relaxed) {
                        let status = match dice.choice(requests).expect("there are some") {
                            Request::One(pad) => sender.one(*pad),
                            Request::Batch => sender.batch(100, 420),
                        };
                        rest(&mut dice, if status == 200 { 1 } else { 10 });
                    }
                });
            }
            let _over = Over(&over);
            meanwhile();
        });
    }

    /// Waits until so many more requests were answered with 200.
    pub fn wait_accepted(&self, more: usize) {
        let before = self.history.answers(200);
        wait_until("requests are accepted", || self.history.answers(200) >= before + more);
    }

    /// Sets a rule, and waits until it was applied.
    pub fn meet(&self, place: u64, rule: Rule) {
        self.control.set(place, rule);
        wait_until("the program does what is to fail", || self.control.fired(place) > 0);
    }

    /// Everything the program did; the model of the disk must come to what is really there.
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

/// Rests a random time, `times` as long as usual.
pub fn rest(dice: &mut fastrand::Rng, times: u32) {
    std::thread::sleep(REST.mul_f64(dice.f64()) * times);
}
