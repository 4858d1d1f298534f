//! Kills clawcheck at many moments. No file may be damaged, and no process or temporary file may remain.
//!
//! `KILL_POINTS` sets the number of moments in each loop. `KILL_SEED` sets the seed of the moments, which is printed.

mod accept;
mod run;
mod serve;

use libtest_mimic::{Failed, Trial};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The default number of moments.
const POINTS: u64 = 8;
/// The signals, in rotation.
const SIGNALS: [Signal; 3] = [Signal::SIGKILL, Signal::SIGTERM, Signal::SIGINT];
/// The maximum time until remaining processes and folders must be gone.
const GOING: Duration = Duration::from_secs(30);

/// Kills clawcheck at each of these moments.
type TrialLoop = fn(&KillMoments);

/// The loops.
pub(crate) fn trials() -> Vec<Trial> {
    let loops: [(&str, TrialLoop); 5] = [
        ("run-on-a-process", run::on_a_process),
        ("run-with-a-report", run::with_a_report),
        ("accept", accept::everything),
        ("serve-with-files", serve::with_files),
        ("serve-with-a-database", serve::with_a_database),
    ];
    let trial = |(name, each): (&'static str, TrialLoop)| {
        Trial::test(format!("kill::{name}"), move || {
            let moments = KillMoments::from_environment(name);
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| each(&moments))).map_err(|panic| {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                Failed::from(text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("it failed").to_owned())
            })
        })
    };
    loops.into_iter().map(trial).collect()
}

/// The moments at which clawcheck is killed.
pub(crate) struct KillMoments {
    seed: u64,
    points: u64,
}

impl KillMoments {
    fn from_environment(name: &str) -> Self {
        let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
        let seed = number("KILL_SEED").unwrap_or_else(|| fastrand::u64(..));
        println!("kill::{name}: KILL_SEED={seed}");
        Self { seed, points: number("KILL_POINTS").unwrap_or(POINTS) }
    }

    /// Returns moments between the start and slightly more than `whole`, each with its signal.
    pub(crate) fn within(&self, whole: Duration) -> impl Iterator<Item = (Duration, Signal)> {
        let mut rng = fastrand::Rng::with_seed(self.seed);
        let at = usize::try_from(self.seed % 3).unwrap();
        (0..self.points).map(move |point| {
            let moment = whole.mul_f64(1.1 * rng.f64());
            (moment, SIGNALS[(at + usize::try_from(point).unwrap()) % SIGNALS.len()])
        })
    }
}

/// A folder with everything that clawcheck can write to.
pub(crate) struct WorkFolder(TempDir);

impl WorkFolder {
    pub(crate) fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for name in ["home", "tmp", "family", "drafts"] {
            fs::create_dir(folder.path(name)).unwrap();
        }
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn clawcheck(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(crate::play::clawcheck());
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Checks that no process that was started here and no folder remains.
    pub(crate) fn check_nothing_left(&self) {
        let began = Instant::now();
        loop {
            let (processes, files) = (self.processes(), listing(&self.path("tmp")));
            if processes.is_empty() && files.is_empty() {
                break;
            }
            assert!(began.elapsed() < GOING, "still there after {GOING:?}: {processes:?}, {files:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(listing(&self.path("home")), [""; 0], "HOME was written to");
    }

    /// The processes whose arguments, environment or working directory contain the path of this folder.
    fn processes(&self) -> Vec<String> {
        let mark = self.0.path().to_string_lossy().into_owned();
        let ours = std::process::id().to_string();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == ours || name.parse::<u32>().is_err() {
                continue;
            }
            let text = |file: &str| {
                String::from_utf8_lossy(&fs::read(entry.path().join(file)).unwrap_or_default()).into_owned()
            };
            let cwd = fs::read_link(entry.path().join("cwd")).unwrap_or_default();
            let command = text("cmdline");
            if command.contains(&mark) || text("environ").contains(&mark) || cwd.starts_with(&mark) {
                found.push(format!("{name} {}", command.replace('\0', " ")));
            }
        }
        found
    }
}

/// Sends the signal after a delay, unless the process has ended before. Returns its exit.
pub(crate) fn ended(mut child: Child, after: Duration, signal: Signal) -> ExitStatus {
    let began = Instant::now();
    while began.elapsed() < after {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        std::thread::sleep((after - began.elapsed().min(after)).min(Duration::from_millis(2)));
    }
    let _ = kill(Pid::from_raw(child.id().try_into().unwrap()), signal);
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if began.elapsed() > GOING {
            let _ = child.kill();
            panic!("{signal} did not end it within {GOING:?}");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The duration of a command that is not interrupted.
pub(crate) fn measure_uninterrupted(mut command: Command, code: i32) -> Duration {
    let began = Instant::now();
    assert_eq!(command.status().unwrap().code(), Some(code), "{command:?}");
    began.elapsed()
}

/// The files below a folder, by their path in it, sorted.
pub(crate) fn listing(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path.clone());
            }
            found.push(path.strip_prefix(folder).unwrap().to_string_lossy().into_owned());
        }
    }
    found.sort();
    found
}

/// Whether this is an unfinished file. Its name shows that it is one, so the next write can remove it.
pub(crate) fn is_unfinished(name: &str) -> bool {
    let (_, name) = name.rsplit_once('/').unwrap_or(("", name));
    name.starts_with('.') && name.ends_with(".tmp")
}
