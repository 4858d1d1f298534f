//! Each remedy that `explain` lists lets a locked-out client in, also after a restart of the gateway. Other advice does
//! not.
//!
//! The test applies the remedies as `explain` prints them to a copy of the state directory of a gateway, and the client
//! of clawcheck connects. The test does not use the computation behind `explain`.
//!
//! The ignored test applies the remedies to the real releases in `CLAWCHECK_LIVE`. By default, it applies a sample,
//! which takes two minutes for each release. `CLAWCHECK_REMEDIES=all` applies all of them, and
//! `CLAWCHECK_REMEDIES=WORD` applies those of the lock-outs with this word in their name.
#![expect(clippy::print_stdout, reason = "what was played on a real release, and what was not")]

mod advice;
pub(crate) mod client;
pub(crate) mod gateway;
mod lockouts;
mod user;

use crate::live::client_libraries::reached;
use advice::{Remedy, advice};
use gateway::{Operator, StartableGateway};
use lockouts::{LockOut, lockouts};
use user::LockedOutUser;

/// The lock-outs of a release, with the output of `explain` for each. For a release that no lock-out names, these are
/// the lock-outs whose client it refuses according to `explain`.
fn explained(release: &str) -> Vec<(LockOut, advice::ListedRemedies)> {
    let mut all = lockouts();
    if all.iter().any(|lockout| lockout.on.contains(&release)) {
        all.retain(|lockout| lockout.on.contains(&release));
    } else {
        all.retain(|lockout| lockout.starts && advice::is_refused(lockout, release));
    }
    all.into_iter()
        .map(|lockout| (advice::explain(&lockout, release), lockout))
        .map(|(remedies, lockout)| (lockout, remedies))
        .collect()
}

/// The result of one remedy.
async fn outcome(startable: &StartableGateway, lockout: &LockOut, remedy: &Remedy) -> Result<(), String> {
    let mut user = LockedOutUser::new(startable, lockout).await?;
    let before = user.connects().await;
    if before.is_ok() {
        user.leave().await;
        panic!("{}: {} lets the client in, so it is not locked out", startable.release, lockout.name);
    }
    let tried = tried(&mut user, remedy).await;
    user.leave().await;
    tried
}

async fn tried(user: &mut LockedOutUser<'_>, remedy: &Remedy) -> Result<(), String> {
    user.apply(remedy).await?;
    user.connects().await.map_err(|refused| format!("refused: {refused}"))?;
    user.restart().await?;
    user.connects().await.map_err(|refused| format!("refused after a restart: {refused}"))
}

/// Whether the client can connect from its address on this machine.
fn is_playable(lockout: &LockOut) -> bool {
    !lockout.client.elsewhere || client::own_address().is_some()
}

/// Applies the remedies and the advice of a release. Returns the number of each, and the results that differ from the
/// output of `explain`.
async fn play(
    startable: &StartableGateway,
    wanted: impl Fn(&LockOut, &Remedy, bool) -> bool,
) -> (usize, usize, Vec<String>) {
    let (mut helped, mut failed, mut wrong) = (0, 0, Vec::new());
    for (lockout, remedies) in explained(&startable.release) {
        if !is_playable(&lockout) {
            println!("{}: this machine has no address besides loopback, so it is not played", lockout.name);
            continue;
        }
        let mut all = remedies.helps.into_iter().map(|remedy| (remedy, true)).collect::<Vec<_>>();
        // If a second attempt lets a client in, every advice appears to work.
        let again = all.iter().any(|(remedy, _)| remedy.what.starts_with("Connect again"));
        for other in remedies.fails.into_iter().chain(advice(&lockout, &startable.release)) {
            if !again && !all.iter().any(|(known, _)| known.is(&other)) {
                all.push((other, false));
            }
        }
        for (remedy, listed) in all {
            // These five minutes need no action.
            let only_waits = remedy.what.starts_with("Wait five minutes");
            if only_waits || !wanted(&lockout, &remedy, listed) {
                continue;
            }
            let outcome = outcome(startable, &lockout, &remedy).await;
            let line = format!("{} {}: {remedy}: {outcome:?}", startable.release, lockout.name);
            println!("{} {line}", if listed { "listed  " } else { "unlisted" });
            match (listed, outcome.is_ok()) {
                (true, true) => helped += 1,
                (false, false) => failed += 1,
                (true, false) => wrong.push(format!("listed, and does not help: {line}")),
                (false, true) => wrong.push(format!("helps, and is not listed: {line}")),
            }
        }
    }
    (helped, failed, wrong)
}

#[tokio::test(flavor = "multi_thread")]
async fn listed_remedies_help() {
    let (mut helped, mut failed) = (0, 0);
    for release in ["2026.2.19", "2026.3.31", "2026.4.2", "2026.6.11", "2026.9.6"] {
        let startable = StartableGateway::new(&format!("embedded@{release}"), release, Operator::Client).await;
        let (of_listed, of_unlisted, wrong) = play(&startable, |_, _, _| true).await;
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        helped += of_listed;
        failed += of_unlisted;
    }
    assert!(helped > 100 && failed > 100, "{helped} listed remedies and {failed} unlisted ones");
}

/// The number of remedies of the sample: for each release and lock-out, the listed ones and the unlisted ones.
fn sample_of(release: &str) -> Vec<(&'static str, usize, usize)> {
    let counted = |(lockout, remedies): (LockOut, advice::ListedRemedies)| {
        let listed = remedies.helps.iter().filter(|remedy| lockout.sampled(remedy, true)).count();
        let mut others = remedies.fails;
        for other in advice(&lockout, release) {
            if !remedies.helps.iter().chain(&others).any(|known| known.is(&other)) {
                others.push(other);
            }
        }
        let unlisted = others.iter().filter(|remedy| lockout.sampled(remedy, false)).count();
        (lockout.name, listed, unlisted)
    };
    explained(release).into_iter().map(counted).filter(|(_, listed, unlisted)| listed + unlisted > 0).collect()
}

#[test]
fn size_of_sample() {
    let size = |release: &str| {
        sample_of(release)
            .iter()
            .fold((0, 0), |(listed, unlisted), (_, more, others)| (listed + more, unlisted + others))
    };
    let sizes = ["2026.3.31", "2026.4.2", "2026.6.11", "2026.9.6"].map(size);
    assert_eq!(sizes, [(13, 5), (12, 4), (11, 4), (5, 3)]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs real gateways: CLAWCHECK_LIVE"]
async fn listed_remedies_help_on_real_gateways() {
    let chosen = std::env::var("CLAWCHECK_REMEDIES").unwrap_or_default();
    let skipped = lockouts().into_iter().filter(|lockout| !is_playable(lockout)).map(|lockout| lockout.name);
    let skipped = skipped.collect::<Vec<_>>();
    for release in reached() {
        let startable = StartableGateway::new(&format!("openclaw@{release}"), &release, Operator::Cli).await;
        let wanted = |lockout: &LockOut, remedy: &Remedy, listed: bool| match chosen.as_str() {
            "all" => true,
            "" => lockout.sampled(remedy, listed),
            word => lockout.name.contains(word),
        };
        let (helped, failed, wrong) = play(&startable, wanted).await;
        println!("{release}: {helped} listed remedies helped, {failed} unlisted ones did not");
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        if chosen.is_empty() {
            let sample = sample_of(&release).into_iter().filter(|(name, ..)| !skipped.contains(name));
            let expected =
                sample.fold((0, 0), |(listed, unlisted), (_, more, others)| (listed + more, unlisted + others));
            assert_eq!((helped, failed), expected, "{release}");
        }
    }
}
