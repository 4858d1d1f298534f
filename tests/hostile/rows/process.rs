//! Processes: starts, logs, children and exits.

use crate::peer::right;
use crate::row::{Row, Timeouts};
use nix::sys::signal::{Signal, kill};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A description with a short stop timeout.
const STOPS_SOON: &str = "store: none\ntimeouts: { stop: 2s }\n";

/// Writes bytes to the log.
fn log(bytes: impl AsRef<[u8]>) {
    let _ = std::io::stderr().write_all(bytes.as_ref());
}

/// A program that runs for minutes after the gateway unless it is killed.
fn sleeper() -> Command {
    let mut command = Command::new("sleep");
    command.arg("300").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn starts() -> Vec<Row> {
    vec![
        Row::spawned("process-right", |_| ()).conforms(),
        Row::spawned("exits-0", |_| std::process::exit(0)).error().says("exit"),
        Row::spawned("exits-7", |_| {
            log("cannot go on: no reason\n");
            std::process::exit(7)
        })
        .error()
        .says("cannot go on: no reason"),
        Row::spawned("dies-by-signal", |_| {
            let _ = kill(nix::unistd::Pid::this(), Signal::SIGKILL);
        })
        .error()
        .says("signal 9"),
        Row::spawned("dumps-core", |_| std::process::abort()).error().says("signal 6"),
        Row::spawned("stops-itself", |_| {
            let _ = kill(nix::unistd::Pid::this(), Signal::SIGSTOP);
        })
        .error()
        .says("did not listen"),
        Row::spawned("never-listens", |_| std::thread::sleep(Duration::from_secs(300))).error().says("did not listen"),
        Row::spawned("listens-on-another-port", |_| {
            let _elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            std::thread::sleep(Duration::from_secs(300));
        })
        .error()
        .says("did not listen"),
        Row::spawned("listens-late", |_| std::thread::sleep(Duration::from_millis(1500))).conforms(),
        Row::spawned("says-that-the-port-is-taken", |_| {
            log("Error: listen EADDRINUSE: address already in use\n");
            std::process::exit(1)
        })
        .error()
        .says("port"),
        Row::spawned("log-line-that-never-comes", |_| ())
            .described("store: none\nready: { log: listening at last }\n")
            .error()
            .says("listening at last"),
        Row::spawned("silent-once-it-listens", |_| ())
            .behaves(|peer| peer.read_until_disconnect())
            .error()
            .cost(Timeouts::TwoDeadlines)
            .says("the upgrade"),
        Row::spawned("answers-404", |_| ())
            .behaves(|peer| peer.http("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope"))
            .error()
            .says("404"),
        Row::spawned("speaks-ssh", |_| ()).behaves(|peer| peer.raw("SSH-2.0-OpenSSH_9.6\r\n")).error().says("SSH-2.0"),
        Row::spawned("first-frame-of-control-characters", |_| ())
            .behaves(|peer| {
                peer.upgrade()?;
                peer.text("\u{1b}[2J\u{7}\u{9b}31m\u{202e}")?;
                peer.read_until_disconnect()
            })
            .error(),
        Row::spawned("first-frame-masked", |_| ())
            .behaves(|peer| {
                peer.upgrade()?;
                peer.raw(crate::frames::masked(0x81, b"{}"))?;
                peer.read_until_disconnect()
            })
            .error()
            .says("mask")
            .never("1006"),
    ]
}

fn ends() -> Vec<Row> {
    vec![
        Row::spawned("exits-on-the-first-connection", |_| ()).behaves(|_| std::process::exit(3)).error(),
        Row::spawned("exits-in-a-case", |_| ())
            .behaves(|peer| {
                if peer.number > 2 {
                    log("the case was too much\n");
                    std::process::exit(5);
                }
                right(peer)
            })
            .error()
            .says("the case was too much"),
        Row::spawned("exits-after-hello", |_| ())
            .behaves(|peer| {
                let id = peer.connect_request()?;
                peer.hello(&id)?;
                std::process::exit(0)
            })
            .error(),
        Row::spawned("ignores-sigterm", |_| ignore_termination())
            .conforms()
            .described(STOPS_SOON)
            .cost(Timeouts::OneDeadline),
        Row::spawned("ignores-sigterm-and-forks", |_| {
            ignore_termination();
            let _ = sleeper().process_group(0).spawn();
        })
        .conforms()
        .described(STOPS_SOON)
        .cost(Timeouts::OneDeadline),
        Row::spawned("stops-slowly", |_| ())
            .behaves(|peer| {
                let id = peer.connect_request()?;
                peer.hello(&id)?;
                peer.go_on()?;
                std::thread::sleep(Duration::from_secs(1));
                Ok(())
            })
            .conforms(),
        Row::spawned("forks-a-child", |_| {
            let _ = sleeper().spawn();
        })
        .conforms(),
        Row::spawned("forks-a-child-in-a-group", |_| {
            let _ = sleeper().process_group(0).spawn();
        })
        .conforms(),
        Row::spawned("forks-a-daemon", |_| {
            let _ = Command::new("setsid")
                .arg("sleep")
                .arg("300")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
        })
        .conforms(),
        Row::spawned("forks-100-children", |_| {
            for _ in 0..100 {
                let _ = sleeper().spawn();
            }
        })
        .conforms(),
        Row::spawned("leaves-a-child-with-its-log", |_| {
            let _ = Command::new("sleep").arg("300").stdin(Stdio::null()).spawn();
        })
        .conforms(),
        Row::spawned("exits-and-leaves-a-child-with-its-log", |_| {
            let _ = Command::new("sleep").arg("300").stdin(Stdio::null()).spawn();
            std::process::exit(4)
        })
        .error(),
        Row::spawned("closes-its-log", |_| {
            let _ = nix::unistd::close(1);
            let _ = nix::unistd::close(2);
        })
        .conforms(),
        Row::spawned("removes-its-home", |_| {
            let _ = std::fs::remove_dir_all(std::env::var_os("HOME").unwrap_or_default());
        })
        .conforms(),
        Row::spawned("leaves-a-folder-that-cannot-be-entered", |_| {
            use std::os::unix::fs::PermissionsExt as _;
            let folder = std::path::PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join("shut/inner");
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("file"), "x").unwrap();
            for path in [&folder, folder.parent().unwrap()] {
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o0)).unwrap();
            }
        })
        .conforms(),
        Row::spawned("leaves-500-files", |_| {
            let folder = std::path::PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
            for at in 0..500 {
                std::fs::write(folder.join(at.to_string()), "").unwrap();
            }
        })
        .conforms(),
        Row::spawned("reads-its-input", |_| {
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        })
        .conforms(),
    ]
}

/// Becomes a process that ignores termination signals. A shell sets this up, because the alternative needs `unsafe`.
fn ignore_termination() {
    if std::env::var_os("DEAF").is_none() {
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' TERM INT HUP; exec \"$0\" \"$@\""]).args(std::env::args()).env("DEAF", "1");
        log(format!("no shell: {}\n", command.exec()));
        std::process::exit(9);
    }
}

fn logs() -> Vec<Row> {
    vec![
        Row::spawned("log-flood", |_| {
            for at in 0..200_000 {
                log(format!("line {at} of a log that nobody reads\n"));
            }
        })
        .conforms(),
        Row::spawned("log-flood-before-the-end", |_| {
            for at in 0..200_000 {
                log(format!("line {at} of a log that nobody reads\n"));
            }
            std::process::exit(1)
        })
        .error()
        .says("line 199999"),
        Row::spawned("log-no-newline", |_| {
            log("x".repeat(8 << 20));
            std::process::exit(1)
        })
        .error(),
        Row::spawned("log-binary", |_| {
            log((0..=255).cycle().take(1 << 20).collect::<Vec<u8>>());
            std::process::exit(1)
        })
        .error(),
        Row::spawned("log-of-control-characters", |_| {
            log("\u{1b}[2J\u{7}\u{1b}]0;t\u{7}\u{9b}31m\u{7f}\u{202e}\u{2028}\rfatal: no\n");
            std::process::exit(1)
        })
        .error()
        .says("fatal: no"),
        Row::spawned("log-with-carriage-returns", |_| {
            log("1 %\r2 %\r3 %\r\nfatal: no\r\n");
            std::process::exit(1)
        })
        .error()
        .says("fatal: no"),
        Row::spawned("log-without-end", |_| {
            std::thread::spawn(|| {
                loop {
                    log("and more and more and more and more and more\n".repeat(1000));
                }
            });
        })
        .conforms(),
        Row::spawned("log-with-the-token", |gateway| {
            log(format!("token {} Bearer {}\n", gateway.token, gateway.token));
            std::process::exit(1)
        })
        .error()
        .says("token <"),
    ]
}

pub(super) fn rows() -> Vec<Row> {
    [starts(), ends(), logs()].into_iter().flatten().collect()
}
