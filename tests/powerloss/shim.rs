//! Builds `shim.c`, and sets the faults for a running program.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;

/// The operation of a rule, as a bit.
pub mod on {
    pub const WRITE: i32 = 2;
    pub const SYNC: i32 = 4;
}

/// The variable that names the file of rules.
pub const RULES: &str = "POWERLOSS_RULES";

pub const EIO: i32 = 5;
pub const ENOSPC: i32 = 28;

const RULE_COUNT: u64 = 8;
const RULE_BYTES: u64 = 40;
const KILLED_AT: u64 = 8;
const RULES_AT: u64 = 16;
const FIRED_AT: u64 = 32;

#[derive(Clone, Copy, Debug)]
pub enum Mode {
    /// The operation is not done, and returns this error.
    Fail(i32),
    /// Half of it is done.
    Short,
    /// It is done after this time.
    Delay(Duration),
    /// It is not done, and returns success.
    Lie,
}

/// A fault for some operations.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The operations: [`on`].
    pub on: i32,
    /// The files: [`super::log::class`].
    pub classes: u8,
    /// The number of first operations that are left alone.
    pub skip: i32,
    /// The number of operations after them that fail; `None`: all.
    pub count: Option<i32>,
    pub mode: Mode,
}

impl Rule {
    /// Every such operation, until the rule is removed.
    pub fn every(on: i32, classes: u8, mode: Mode) -> Self {
        Self { on, classes, skip: 0, count: None, mode }
    }

    /// The next one.
    pub fn once(on: i32, classes: u8, mode: Mode) -> Self {
        Self { count: Some(1), ..Self::every(on, classes, mode) }
    }
}

/// The compiled library, built by `cc` once for a run of the tests.
pub fn library() -> &'static Path {
    static BUILT: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_folder, path) = BUILT.get_or_init(|| {
        let folder = tempfile::tempdir().expect("the system has a place for temporary files");
        let path = folder.path().join("shim.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/powerloss/shim.c");
        let mut cc = Command::new("cc");
        cc.args(["-O2", "-Wall", "-Werror", "-fPIC", "-shared", "-o"]).arg(&path).arg(source);
        let done = cc.args(["-ldl", "-lpthread"]).output().expect("there is a C compiler, `cc`");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        (folder, path)
    });
    path
}

/// The file of rules, which the shim has mapped: a write to it has effect at once.
pub struct Control {
    pub path: PathBuf,
    file: File,
}

impl Control {
    pub fn new(path: &Path) -> Self {
        let bytes = usize::try_from(RULES_AT + RULE_COUNT * RULE_BYTES).expect("it is small");
        std::fs::write(path, vec![0; bytes]).expect("the folder is ours");
        Self::of(path)
    }

    /// The file that another [`Control`] made.
    pub fn of(path: &Path) -> Self {
        let file = File::options().read(true).write(true).open(path).expect("the file is ours");
        Self { path: path.to_path_buf(), file }
    }

    /// The process is killed between two operations, so that none is done and not in the log.
    pub fn kill(&self, id: u32) {
        self.write(KILLED_AT, &[i32::try_from(id).expect("the system's ids are small")]);
    }

    fn write(&self, at: u64, numbers: &[i32]) {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.file.write_all_at(&bytes, at).expect("the file is ours");
    }

    /// Sets rule number `place`.
    pub fn set(&self, place: u64, rule: Rule) {
        let (mode, error, delay_ms) = match rule.mode {
            Mode::Fail(error) => (0, error, 0),
            Mode::Short => (1, ENOSPC, 0),
            Mode::Delay(time) => (2, 0, i32::try_from(time.as_millis()).expect("a short time")),
            Mode::Lie => (3, 0, 0),
        };
        let at = RULES_AT + place * RULE_BYTES;
        let count = rule.count.unwrap_or(-1);
        self.write(at, &[0, rule.on, i32::from(rule.classes), rule.skip, count, error, mode, delay_ms, 0, 0]);
        self.write(at, &[1]);
    }

    /// Removes all rules.
    pub fn clear(&self) {
        for place in 0..RULE_COUNT {
            self.write(RULES_AT + place * RULE_BYTES, &[0]);
        }
    }

    /// How often the rule was applied.
    pub fn fired(&self, place: u64) -> i32 {
        let mut bytes = [0; 4];
        let at = RULES_AT + place * RULE_BYTES + FIRED_AT;
        self.file.read_exact_at(&mut bytes, at).expect("the file is ours");
        i32::from_le_bytes(bytes)
    }

    /// From now on the program's monotonic clock is ahead by this time.
    pub fn put_monotonic_clock_forward(&self, time: Duration) {
        let nanoseconds = i64::try_from(time.as_nanos()).expect("a short time");
        self.file.write_all_at(&nanoseconds.to_le_bytes(), 0).expect("the file is ours");
    }
}
