//! `kill -9` of the harness leaves no process and no directory.
//!
//! The killed process is this test binary, run again with `VICTIM` set.

use crate::harness::HostileFolder;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// As a child process: starts a gateway, prints its location, and waits to be killed. As a test: nothing.
#[tokio::test]
async fn victim() {
    if std::env::var_os("VICTIM").is_none() {
        return;
    }
    let folder = HostileFolder::new();
    let sandbox = folder.run_directory.sandbox().unwrap();
    let running = folder.launch(&folder.description("right"), &sandbox, 60).await.unwrap();
    // libtest has already written the beginning of a line.
    println!("\nvictim: {} {}", running.port().unwrap(), sandbox.root().parent().unwrap().display());
    // The guard does not know this directory. The test removes it.
    println!("victim: yard {}", folder.directory.path().display());
    std::future::pending::<()>().await;
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn cleans_up_after_kill() {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["processes::guard::victim", "--exact", "--nocapture"])
        .env("VICTIM", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(victim.stdout.take().unwrap());
    let mut lines =
        output.lines().map_while(Result::ok).filter_map(|line| line.strip_prefix("victim: ").map(str::to_owned));
    let (port, directory) = lines.next().unwrap().split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let folder = lines.next().unwrap().strip_prefix("yard ").unwrap().to_owned();
    let port: u16 = port.parse().unwrap();
    let listens = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
    assert!(listens() && Path::new(&directory).exists());
    victim.kill().unwrap();
    victim.wait().unwrap();
    eventually("the gateway still listens", || !listens());
    eventually("the directory is still there", || !Path::new(&directory).exists());
    std::fs::remove_dir_all(folder).unwrap();
}
