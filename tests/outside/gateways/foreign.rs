//! `pip` and `cargo` in a description. Python and cargo are scripts here, and what they install starts `clawcheck serve`.

use crate::gateways::described::described;
use crate::harness::{ProgramOutput, TestFolder};
use rstest::rstest;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

const PIP: &str = "pip: { packages: [my-gateway==1.2.3, other==4.5] }\n";
const CARGO: &str = "cargo: { package: my-gateway, version: 1.2.3 }\n";

/// `python3 -m venv DIRECTORY` creates `bin/python`, which records its arguments. `cargo` records its arguments, too.
const PYTHON: &str = "echo python3 \"$@\" >>$RUNS\nmkdir -p \"$4/bin\"\ncp \"$BIN/pip\" \"$4/bin/python\"\n";
/// A secret of the user does not reach an installer.
const PIP_INSTALLS: &str = "[ -z \"$CLAWCHECK_TOKEN$PIP_TARGET\" ] || exit 6\necho pip \"$@\" >>$RUNS\ncp \"$BIN/gateway\" \"$(dirname \"$0\")/my-gateway\"\n\
    for name in my_gateway-1.2.3 other-4.5; do mkdir -p \"$(dirname \"$0\")/../lib/python3/site-packages/$name.dist-info\"; done\n";
const CARGO_INSTALLS: &str =
    "echo cargo \"$@\" >>$RUNS\nmkdir -p \"$6/bin\"\ncp \"$BIN/gateway\" \"$6/bin/my-gateway\"\n";

struct Machine {
    folder: TestFolder,
}

impl Machine {
    fn new(more: &str) -> Self {
        let folder = described(&[], more);
        let file = folder.path("ours.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        let serve = text.lines().find_map(|line| line.strip_prefix("command: ")).unwrap();
        std::fs::write(&file, text.replace(serve, "my-gateway")).unwrap();
        std::fs::create_dir(folder.path("bin")).unwrap();
        let machine = Self { folder };
        machine.program("gateway", &format!("exec {serve} \"$@\"\n"));
        machine.program("python3", PYTHON);
        machine.program("pip", PIP_INSTALLS);
        machine.program("cargo", CARGO_INSTALLS);
        machine
    }

    fn program(&self, name: &str, script: &str) {
        let (path, runs) = (self.folder.path("bin").join(name), self.folder.path("runs"));
        let bin = self.folder.path("bin");
        let head = format!("#!/bin/sh\nRUNS={}\nBIN={}\n", runs.display(), bin.display());
        std::fs::write(&path, format!("{head}{script}")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn run(&self) -> ProgramOutput {
        let path = format!("{}:/usr/bin:/bin", self.folder.path("bin").display());
        let mut command = self.folder.command(&["run", "scenarios", "--gateway", "ours.yaml"]);
        command.env("PATH", path).env("CLAWCHECK_CACHE", self.folder.path("cache"));
        command.env("CLAWCHECK_TOKEN", "secret").env("PIP_TARGET", "elsewhere");
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        ProgramOutput { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The recorded calls of the installers, with the name of the partial directory replaced.
    fn runs(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path("runs")).unwrap_or_default();
        let word = |word: &str| if word.contains(".clawcheck-partial-") { "DIR".to_owned() } else { word.to_owned() };
        text.lines().map(|line| line.split(' ').map(word).collect::<Vec<_>>().join(" ")).collect()
    }

    /// The directories of complete and partial installs in the cache.
    fn installs(&self) -> Vec<PathBuf> {
        fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_name().to_string_lossy().contains(".clawcheck-partial-") {
                    found.push(entry.path());
                } else if entry.file_type().unwrap().is_dir() {
                    walk(&entry.path(), found);
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.folder.path("cache"), &mut found);
        found
    }
}

/// Checks that the gateway was played: its case has a new observation.
fn played(ended: &ProgramOutput) {
    assert!(ended.out.contains("no snapshot is approved"), "{}{}", ended.out, ended.err);
}

#[rstest]
#[case::pip(PIP, &[
    "python3 -I -m venv DIR",
    "pip -I -m pip install --no-input --disable-pip-version-check my-gateway==1.2.3 other==4.5",
])]
#[case::cargo(CARGO, &["cargo install --locked --version 1.2.3 --root DIR my-gateway"])]
fn installs_package_once(#[case] package: &str, #[case] commands: &[&str]) {
    let machine = Machine::new(package);
    played(&machine.run());
    assert_eq!(machine.runs(), commands);
    // The second run does not call an installer.
    for name in ["python3", "pip", "cargo"] {
        machine.program(name, "exit 7\n");
    }
    played(&machine.run());
    assert_eq!((machine.runs().len(), machine.installs().len()), (commands.len(), 1));
}

#[rstest]
#[case::python(
    PIP,
    "python3",
    "echo 'ensurepip is not available'; exit 1\n",
    "python3 could not install",
    "ensurepip is not"
)]
#[case::pip(
    PIP,
    "pip",
    "echo 'ERROR: No matching distribution found for other==4.5' >&2; exit 1\n",
    "pip could not install",
    "No matching distribution found for other==4.5"
)]
#[case::no_network(
    PIP,
    "pip",
    "echo 'Failed to establish a new connection' >&2; exit 1\n",
    "pip cannot reach its registry",
    ""
)]
#[case::cargo(
    CARGO,
    "cargo",
    "mkdir \"$6/bin\"; echo 'error: could not find `my-gateway`' >&2; exit 101\n",
    "cargo could not install my-gateway@1.2.3",
    "error: could not find"
)]
#[case::no_packages(
    PIP,
    "pip",
    "exit 0\n",
    "pip installed my-gateway==1.2.3 other==4.5, but the package has no",
    "my_gateway in lib"
)]
#[case::nothing(CARGO, "cargo", "exit 0\n", "cargo installed my-gateway@1.2.3, but the package has no bin", "")]
fn failed_install_is_not_used(
    #[case] package: &str,
    #[case] broken: &str,
    #[case] script: &str,
    #[case] says: &str,
    #[case] why: &str,
) {
    let machine = Machine::new(package);
    let script_before = std::fs::read(machine.folder.path("bin").join(broken)).unwrap();
    machine.program(broken, script);
    let ended = machine.run();
    assert_eq!(ended.code, Some(3), "{}{}", ended.out, ended.err);
    assert!(ended.err.contains(says) && ended.err.contains(why), "{}", ended.err);
    assert!(machine.installs().is_empty(), "{:?}", machine.installs());
    std::fs::write(machine.folder.path("bin").join(broken), script_before).unwrap();
    played(&machine.run());
}

#[test]
fn reinstalls_without_python() {
    let machine = Machine::new(PIP);
    played(&machine.run());
    let installs = machine.installs();
    std::fs::remove_file(installs[0].join("bin/python")).unwrap();
    played(&machine.run());
    assert_eq!(machine.runs().len(), 4);
    assert_ne!(machine.installs(), installs, "the broken one is removed");
    assert_eq!(machine.installs().len(), 1);
}
