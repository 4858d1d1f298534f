//! The subjects of the benchmarks: cases of the corpus on the embedded gateway, an exchange of the same frames without
//! the harness, and a large store.
//!
//! Each of the two bench targets is a separate program that uses a part of this module.
#![allow(dead_code, clippy::unwrap_used, clippy::print_stdout)]

pub(crate) mod bare_client;
pub(crate) mod cpu;
pub(crate) mod store;

use clawcheck::Library;
use clawcheck::Verdict;
use clawcheck::{Case, Corpus};
use clawcheck::{Event, RunReport};
use clawcheck::{Gateway, GatewaySpec, Guard, Preparation};
use clawcheck::{Options, run};
use openclaw_model::Release;
use std::collections::HashSet;
use std::io;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// A case with one connect: a paired device gets hello-ok over direct loopback.
pub(crate) const ONE_CONNECT: &str = "exec-approvals/connect#approvals,token";

/// The release of the embedded gateway. It keeps its store in JSON files.
pub(crate) const RELEASE: Release = Release::new(2026, 4, 8);

/// The built-in corpus, its snapshots, and the embedded gateway.
pub(crate) struct CorpusRun {
    corpus: Corpus,
    library: Library,
    gateway: Gateway,
}

impl CorpusRun {
    pub(crate) fn new(runtime: &Runtime) -> Self {
        let spec = GatewaySpec::Embedded(Some(RELEASE));
        let preparation = Preparation { guard: Guard::absent(), ..Preparation::default() };
        Self {
            corpus: Corpus::embedded().unwrap_or_else(|problems| panic!("{problems}")),
            library: Library::built_in().unwrap(),
            gateway: runtime.block_on(Gateway::prepare(&spec, &preparation, &|_| {})).unwrap(),
        }
    }

    /// The cases that apply to this release and do not need a user other than root.
    pub(crate) fn played_cases(&self, runtime: &Runtime) -> Vec<&Case> {
        let all = self.corpus.cases().iter().collect::<Vec<_>>();
        let mut played = HashSet::new();
        self.play(runtime, &all, jobs(), &mut |event| {
            if let Event::Case(report) = event
                && !matches!(report.verdict, Verdict::NotApplicable | Verdict::Skipped)
            {
                played.insert(report.id.clone());
            }
            Ok(())
        });
        assert!(!played.is_empty(), "no case is asked");
        all.into_iter().filter(|case| played.contains(&case.id)).collect()
    }

    /// One case, repeated.
    pub(crate) fn repeated(&self, id: &str, times: usize) -> Vec<&Case> {
        vec![self.corpus.cases().iter().find(|case| case.id == id).unwrap(); times]
    }

    /// Plays cases like `clawcheck run`, without its output. Every case must conform; otherwise, the measurement is not
    /// valid.
    pub(crate) fn run(&self, runtime: &Runtime, cases: &[&Case], jobs: usize) -> RunReport {
        let report = self.play(runtime, cases, jobs, &mut |_| Ok(()));
        assert_eq!(report.summary.count(Verdict::Conforms), cases.len(), "some case does not conform");
        report
    }

    fn play(
        &self,
        runtime: &Runtime,
        cases: &[&Case],
        jobs: usize,
        listen: &mut (dyn FnMut(Event<'_>) -> io::Result<()> + Send),
    ) -> RunReport {
        let (_keep, stop) = watch::channel(false);
        let options = Options { jobs, ..Options::default() };
        let guard = Guard::absent();
        let run = run(cases, &self.gateway, &self.library, &guard, &options, stop, listen);
        let ran = runtime.block_on(run).unwrap();
        assert!(ran.error.is_none(), "the run came to its end");
        ran.report
    }
}

/// A single-threaded runtime, as `clawcheck run` uses it for the embedded gateway.
pub(crate) fn one_thread() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// The number of cases that `clawcheck run` plays at the same time on the embedded gateway.
pub(crate) fn jobs() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from) * 4
}
