//! The cases of a set of scenario files.

mod config_file;
pub(super) mod files;
pub(super) mod filter;

use super::check;
use super::check::trust::{self, Trust};
use super::model::case::Case;
use super::model::document::Scenario;
use super::model::identity::Folder;
use super::model::matrix::Matrix;
use super::syntax::expansion::ExpansionBudget;
use super::syntax::nodes::Node;
use super::syntax::problems::{self, ScenarioError, ScenarioErrors, SpannedError};
use super::syntax::{deserializer, expansion, nodes};
use crate::scenario::syntax::source::Source;
use config_file::ConfigError;
use files::Origin;
use filter::Filter;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The cases of a set of scenario files, in the order of the files and of their points.
#[derive(Debug, Clone, Default)]
pub struct Corpus {
    cases: Vec<Case>,
}

impl Corpus {
    /// The scenarios in the binary.
    ///
    /// # Errors
    /// Returns all errors in the scenarios. A test ensures that there are none.
    pub fn embedded() -> Result<Self, ScenarioErrors> {
        Self::of(read(files::embedded(|_, _| true), Trust::Given))
    }

    /// The scenarios in the binary that these ids name: those of cases, scenarios or families. Reading only these takes a
    /// fraction of the time. `None` if there are no ids, or if one of them names no scenario.
    ///
    /// # Errors
    /// Returns all errors in the scenarios.
    pub(crate) fn embedded_named(ids: &[String]) -> Result<Option<Self>, ScenarioErrors> {
        let names = ids.iter().map(|id| id.split('#').next().unwrap_or_default()).collect::<Vec<_>>();
        let is = |id: &str, family: &str, name: &str| {
            id == family || id.split_once('/').is_some_and(|id| id == (family, name))
        };
        let found = files::embedded(|family, name| names.iter().any(|id| is(id, family, name)));
        let corpus = Self::of(read(found, Trust::Given))?;
        let every = names.iter().all(|id| corpus.cases.iter().any(|case| is(id, &case.family, &case.name)));
        Ok(Some(corpus).filter(|_| every && !ids.is_empty()))
    }

    /// The scenarios in these files and folders, at any depth. Scenarios that start code or reach outside the gateway
    /// are errors.
    ///
    /// # Errors
    /// Returns all errors in the scenarios, including the features that need trust.
    pub fn load(paths: &[PathBuf]) -> Result<Self, ScenarioErrors> {
        Self::of(read(files::on_disk(paths), Trust::Withheld))
    }

    /// [`Corpus::load`] for scenarios that the user trusts. All features are allowed.
    ///
    /// # Errors
    /// Returns all errors in the scenarios.
    pub fn trusting(paths: &[PathBuf]) -> Result<Self, ScenarioErrors> {
        Self::of(read(files::on_disk(paths), Trust::Given))
    }

    /// The scenario in a text, with the path of a file that does not have to exist.
    ///
    /// # Errors
    /// Returns all errors in the scenario.
    pub fn written(path: &Path, text: &str) -> Result<Self, ScenarioErrors> {
        Self::of(read(vec![files::written(path, text.as_bytes().to_vec())], Trust::Given))
    }

    fn of((cases, problems): (Vec<Case>, Vec<ScenarioError>)) -> Result<Self, ScenarioErrors> {
        if problems.is_empty() { Ok(Self { cases }) } else { Err(ScenarioErrors(problems)) }
    }

    /// All cases, in the order of the files and of their points.
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// The cases that at least one of the filters selects. All cases if there are no filters.
    pub fn select(&self, filters: &[Filter]) -> Vec<&Case> {
        Filter::select_any(filters, self.cases.iter().collect())
    }
}

/// Reads files and returns their cases and all errors.
pub(super) fn read(
    found: Vec<Result<(Source, Origin), ScenarioError>>,
    trust: Trust,
) -> (Vec<Case>, Vec<ScenarioError>) {
    let mut cases: Vec<Case> = Vec::new();
    let mut problems = Vec::new();
    let mut files: HashMap<String, PathBuf> = HashMap::new();
    let mut all = found.into_iter().map(|file| LoadedFile::of(file, trust)).collect::<Vec<_>>();
    let directories = all.iter().flat_map(LoadedFile::state_directories).collect::<Vec<_>>();
    // A file in a state directory is not a scenario, whatever its extension.
    all.retain(|file| directories.is_empty() || !file.is_in(&directories));
    for LoadedFile { path, cases: read, .. } in all {
        match read {
            Ok(read) => {
                let id = read.first().map(|case| format!("{}/{}", case.family, case.name)).unwrap_or_default();
                match files.get(&id) {
                    Some(other) => problems.push(same_id(&path, &id, other)),
                    None => {
                        files.insert(id, path);
                        cases.extend(read);
                    }
                }
            }
            Err(errors) => problems.extend(errors),
        }
    }
    (cases, problems)
}

/// The contents of one file.
struct LoadedFile {
    path: PathBuf,
    /// The folder on disk that contains the file.
    folder: Option<PathBuf>,
    /// The folders that the stores of its cases are copied from, as the file names them.
    from: BTreeSet<String>,
    cases: Result<Vec<Case>, Vec<ScenarioError>>,
}

impl LoadedFile {
    fn of(file: Result<(Source, Origin), ScenarioError>, trust: Trust) -> Self {
        match file {
            Ok((source, origin)) => {
                let source = Arc::new(source);
                let mut from = BTreeSet::new();
                let cases = read_file(&source, &origin, trust, &mut from);
                let folder = match origin {
                    Origin::Disk(folder) => Some(folder),
                    Origin::Embedded(_) => None,
                };
                Self { path: source.path.clone(), folder, from, cases }
            }
            Err(problem) => {
                let (path, from) = (problem.path().into(), BTreeSet::new());
                Self { path, folder: None, from, cases: Err(vec![problem]) }
            }
        }
    }

    /// The folders that the stores of its cases are copied from.
    fn state_directories(&self) -> Vec<PathBuf> {
        let Some(folder) = &self.folder else { return Vec::new() };
        self.from.iter().filter_map(|name| folder.join(name).canonicalize().ok()).collect()
    }

    fn is_in(&self, directories: &[PathBuf]) -> bool {
        let path = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        directories.iter().any(|directory| path.starts_with(directory))
    }
}

fn same_id(path: &Path, id: &str, other: &Path) -> ScenarioError {
    let message = format!("the scenario `{id}` is also in another file: {}", other.display());
    let help = "a scenario's id is its folder and its file name; rename one of them".to_owned();
    ScenarioError::with_file(path, message, Some(help))
}

/// The cases of one file. Reads the folders in `from`.
fn read_file(
    source: &Arc<Source>,
    origin: &Origin,
    trust: Trust,
    from: &mut BTreeSet<String>,
) -> Result<Vec<Case>, Vec<ScenarioError>> {
    let (family, name) = files::id_of(&source.path);
    let within = |errors: Vec<SpannedError>| problems::within(errors, source);
    let root = nodes::parse(&source.text).map_err(|error| within(vec![error]))?;
    check::is_scenario(&root, &source.path).map_err(|error| within(vec![error]))?;
    let points = expansion::points(&root).map_err(within)?;
    matrix(&root).map_err(|error| within(vec![error]))?;
    let mut budget = ExpansionBudget::of_a_file();
    let mut cases = Vec::new();
    let (mut errors, mut seen) = (Vec::new(), HashSet::new());
    let mut in_config = Vec::new();
    let mut folders = BTreeMap::new();
    for point in &points {
        let scenario = expansion::at_point(&root, point, &mut budget)
            .and_then(|node| read_point(&node, origin, trust, from, &mut folders));
        match scenario {
            Ok(mut scenario) => {
                match config_file::read(&mut scenario.gateway, origin, trust) {
                    Ok(()) => {}
                    Err(ConfigError::InScenario(error)) => errors.push(error),
                    // Each point of a matrix has the same errors.
                    Err(ConfigError::InFile(found)) => in_config = found,
                }
                let point = point.name();
                let id = match &point {
                    Some(point) => format!("{family}/{name}#{point}"),
                    None => format!("{family}/{name}"),
                };
                let (family, name, source) = (family.clone(), name.clone(), Arc::clone(source));
                cases.push(Case { id, family, name, point, scenario, source, folders: BTreeMap::new() });
            }
            Err(found) => {
                errors.extend(
                    found.into_iter().filter(|error: &SpannedError| seen.insert((error.span, error.message.clone()))),
                );
                if budget.is_spent() || errors.len() > problems::MAX_FILE_ERRORS {
                    break;
                }
            }
        }
    }
    for case in &mut cases {
        case.folders.clone_from(&folders);
    }
    if errors.is_empty() && in_config.is_empty() {
        return Ok(cases);
    }
    in_config.extend(within(errors));
    Err(in_config)
}

/// The scenario at one point of a matrix. Reads the folders in `from`.
fn read_point(
    node: &Node,
    origin: &Origin,
    trust: Trust,
    from: &mut BTreeSet<String>,
    folders: &mut BTreeMap<String, Arc<Folder>>,
) -> Result<Scenario, Vec<SpannedError>> {
    let mut scenario = deserializer::from_node::<Scenario>(node).map_err(|error| vec![error])?;
    scenario.number_steps();
    check::scenario(&scenario)?;
    from.extend(scenario.stores().filter_map(|store| Some(store.from.as_ref()?.value.clone())));
    origin.fill(&scenario, folders, trust)?;
    match trust {
        Trust::Given => {}
        Trust::Withheld => trust::check(node, &scenario, folders)?,
    }
    Ok(scenario)
}

/// Whether the matrix has the form of a matrix. A case itself has none.
fn matrix(root: &Node) -> Result<(), SpannedError> {
    root.get("matrix").map_or(Ok(()), |matrix| deserializer::from_node::<Matrix>(matrix).map(drop))
}

#[cfg(test)]
mod tests {
    use super::Corpus;
    use crate::scenario::{Case, Need};
    use rstest::rstest;

    /// The only case of a scenario with this text after its title and a folder `state` with two files next to it.
    fn case(rest: &str) -> Case {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("name.yaml");
        std::fs::create_dir_all(folder.path().join("state/devices")).unwrap();
        std::fs::write(folder.path().join("state/openclaw.json"), "{}").unwrap();
        std::fs::write(folder.path().join("state/devices/paired.json"), "[]").unwrap();
        std::fs::write(&file, format!("scenario: Title\n{rest}")).unwrap();
        Corpus::trusting(&[file]).unwrap().cases()[0].clone()
    }

    #[test]
    fn reads_folder_of_case() {
        let case = case("store: { from: state }\nsteps:\n  - restart: {}\n");
        let files: Vec<_> =
            case.folders["state"].iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
        assert_eq!(files, [("devices/paired.json", b"[]".as_slice()), ("openclaw.json", b"{}")]);
    }

    #[test]
    fn reads_folder_of_edit_step() {
        let case = case("steps:\n  - parallel: [{ edit: { from: state } }, { open: {} }]\n");
        assert!(case.folders["state"].contains_key("openclaw.json"));
    }

    #[test]
    fn step_numbers() {
        let earlier = "written-by: { release: 2026.3.28, steps: [{ parallel: [{ open: {} }] }] }\n";
        let parallel = "parallel: [{ open: {} }, { open: {} }]";
        let case = case(&format!("{earlier}steps:\n  - {parallel}\n  - restart: {{}}\n"));
        assert_eq!(case.steps().map(|step| step.number).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
        assert_eq!(case.scenario.steps.iter().map(|step| step.number).collect::<Vec<_>>(), [2, 5]);
    }

    #[test]
    fn skips_state_directories() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put("family/case.yaml", "scenario: Title\nstore: { from: my-state }\nsteps:\n  - restart: {}\n");
        put("family/my-state/deep/settings.yaml", "some: settings\n");
        put("family/my-state/binary.yml", "\0");
        let paths = [folder.path().to_owned()];
        assert_eq!(Corpus::trusting(&paths).unwrap().cases().len(), 1);
        // The same applies if the scenario is not trusted.
        let refused = Corpus::load(&paths).unwrap_err().to_string();
        assert_eq!(refused, "the gateway may run code from `binary.yml` of this folder");
        put("family/other/settings.yaml", "some: settings\n");
        assert!(Corpus::trusting(&paths).unwrap_err().to_string().contains("this YAML file is not a scenario"));
    }

    /// The content of a file that the user names decides, not its ending or its form.
    #[rstest]
    #[case::quoted_keys("\"scenario\": Title\n\"steps\": [ { open: {} } ]\n", None)]
    #[case::flow_map("{ scenario: Title, steps: [{ open: {} }] }", None)]
    #[case::other_map("some: settings\n", Some("this YAML file is not a scenario"))]
    #[case::broken("steps: [\n", Some("the bracket `[` is not closed"))]
    fn content_decides_without_ending(#[case] text: &str, #[case] error: Option<&str>) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("case");
        std::fs::write(&file, text).unwrap();
        let seen = Corpus::load(&[file]).err().map(|error| error.to_string());
        assert_eq!(seen.is_some(), error.is_some(), "{seen:?}");
        assert!(error.is_none_or(|error| seen.as_ref().is_some_and(|seen| seen.contains(error))), "{seen:?}");
    }

    #[rstest]
    #[case::nothing("steps:\n  - open: {}\n", &[])]
    #[case::given("needs: [unprivileged]\nsteps:\n  - open: {}\n", &[Need::Unprivileged])]
    #[case::store("store: { pending: { laptop: {} } }\nsteps:\n  - open: {}\n", &[Need::WritableStore])]
    #[case::other_host("steps:\n  - connect: { device: laptop, via: other-host }\n", &[Need::OtherHost])]
    #[case::inside_parallel("steps:\n  - parallel: [{ open: { via: other-host } }]\n", &[Need::OtherHost])]
    #[case::start("steps:\n  - start: {}\n", &[Need::Restart])]
    #[case::clock("steps:\n  - advance: 6m\n", &[Need::Clock])]
    #[case::earlier("written-by: { release: 2026.3.28, steps: [{ advance: 6m }] }\nsteps:\n  - open: {}\n", &[Need::WritableStore, Need::Clock])]
    fn derives_needs(#[case] rest: &str, #[case] needs: &[Need]) {
        assert_eq!(case(rest).needs().into_iter().collect::<Vec<_>>(), needs);
    }

    #[rstest]
    #[case::connect("steps:\n  - open: {}\n", true)]
    #[case::start("steps:\n  - start: {}\n", false)]
    #[case::edit_then_start("steps:\n  - edit: {}\n  - start: {}\n", false)]
    #[case::stop_then_start("steps:\n  - stop: {}\n  - start: {}\n", true)]
    fn initial_gateway_state(#[case] rest: &str, #[case] running: bool) {
        assert_eq!(case(rest).scenario.starts_running(), running);
    }
}
