//! The modules of a crate, and which of them uses which.

use super::source::{Path, Source};
use std::collections::{BTreeMap, BTreeSet};

/// All modules of a crate, by their paths. The path of the crate's root is empty.
#[derive(Debug, Default)]
pub(super) struct Crate {
    modules: BTreeMap<Path, Source>,
}

/// The name of a folder's own file among the modules of the folder.
pub(super) const OWN_FILE: &str = "mod.rs";

impl Crate {
    /// Reads a crate. `read` returns the text of a module in a file of its own, by its path.
    pub(super) fn read(read: &dyn Fn(&[String]) -> String) -> Self {
        let mut this = Self::default();
        this.add_file(Path::new(), read);
        this
    }

    fn add_file(&mut self, path: Path, read: &dyn Fn(&[String]) -> String) {
        self.add(path.clone(), Source::parse(&read(&path)), read);
    }

    fn add(&mut self, path: Path, mut source: Source, read: &dyn Fn(&[String]) -> String) {
        for (name, inline) in std::mem::take(&mut source.inline) {
            self.add(child(&path, &name), inline, read);
        }
        for name in &source.files {
            self.add_file(child(&path, name), read);
        }
        self.modules.insert(path, source);
    }

    /// The module that defines what a path in a module names. `None`: something outside the crate, or a local name.
    fn resolve(&self, module: &[String], path: &[String], depth: usize) -> Option<Path> {
        if depth > 16 {
            return None;
        }
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.descend(&[], rest, depth),
            "self" => self.descend(module, rest, depth),
            "super" => self.resolve_from(&module[..module.len().checked_sub(1)?], rest, depth),
            name => self.lookup(module, name, rest, depth),
        }
    }

    /// As [`Self::resolve`] behind a first `super`, which others can follow.
    fn resolve_from(&self, module: &[String], path: &[String], depth: usize) -> Option<Path> {
        match path.split_first() {
            Some((first, rest)) if first == "super" => {
                self.resolve_from(&module[..module.len().checked_sub(1)?], rest, depth)
            }
            _ => self.descend(module, path, depth),
        }
    }

    fn descend(&self, module: &[String], path: &[String], depth: usize) -> Option<Path> {
        match path.split_first() {
            None => Some(module.to_vec()),
            Some((first, rest)) => Some(self.lookup(module, first, rest, depth).unwrap_or_else(|| module.to_vec())),
        }
    }

    /// What `name::rest` means in a module: a child, an import, an item.
    fn lookup(&self, module: &[String], name: &str, rest: &[String], depth: usize) -> Option<Path> {
        let source = self.modules.get(module)?;
        let below = child(module, name);
        if self.modules.contains_key(&below) {
            return self.descend(&below, rest, depth);
        }
        if source.items.contains(name) {
            return Some(module.to_vec());
        }
        let named = source.imports.iter().find(|import| import.name.as_deref() == Some(name));
        if let Some(import) = named {
            // An import of itself (`use serde;`) is something outside.
            let path = import.path.iter().chain(rest).cloned().collect::<Vec<_>>();
            return if path.first().is_some_and(|first| first == name) {
                None
            } else {
                self.resolve(module, &path, depth + 1)
            };
        }
        let globs = source.imports.iter().filter(|import| import.name.is_none());
        globs
            .filter_map(|import| self.resolve(module, &import.path, depth + 1))
            .find_map(|target| (target != module).then(|| self.lookup(&target, name, rest, depth + 1)).flatten())
    }

    fn is_for_tests(&self, module: &[String]) -> bool {
        (0..module.len())
            .any(|at| self.modules.get(&module[..at]).is_some_and(|parent| parent.tests.contains(&module[at])))
    }

    /// Which modules of a folder use which.
    pub(super) fn edges(&self) -> Edges {
        let mut edges = Edges::default();
        for (module, source) in self.modules.iter().filter(|(module, _)| !self.is_for_tests(module)) {
            for path in source.used() {
                let target = self.resolve(module, path, 0).filter(|target| target != module);
                if let Some(target) = target {
                    edges.add(module, &target, path);
                }
            }
        }
        edges
    }
}

/// Which modules of a folder use which: by folder, from and to. The texts say where.
#[derive(Debug, Default)]
pub(super) struct Edges(BTreeMap<String, BTreeMap<(String, String), Vec<String>>>);

/// Modules of a folder that use each other.
#[derive(Debug)]
pub(super) struct Cycle {
    /// The path of the folder. Empty for the root of the crate.
    pub(super) folder: String,
    /// The modules, sorted.
    pub(super) modules: Vec<String>,
    edges: Vec<String>,
}

impl Cycle {
    /// One place for each step of the circle.
    pub(super) fn why(&self) -> String {
        self.edges.join("\n")
    }
}

impl Edges {
    /// Adds the use of one module by another to the folder that contains both.
    fn add(&mut self, module: &[String], target: &[String], path: &[String]) {
        let shared = module.iter().zip(target).take_while(|(one, other)| one == other).count();
        let name = |path: &[String]| path.get(shared).cloned().unwrap_or_else(|| OWN_FILE.to_owned());
        let example = format!("{} uses {} (`{}`)", module.join("::"), target.join("::"), path.join("::"));
        let folder = self.0.entry(module[..shared].join("::")).or_default();
        folder.entry((name(module), name(target))).or_default().push(example);
    }

    /// The edges between the modules of one folder.
    pub(super) fn in_folder(&self, folder: &str) -> BTreeMap<(String, String), Vec<String>> {
        self.0.get(folder).cloned().unwrap_or_default()
    }

    /// All circles, each in its folder.
    pub(super) fn circles(&self) -> Vec<Cycle> {
        let mut circles = Vec::new();
        for (folder, edges) in &self.0 {
            let mut done = BTreeSet::new();
            for (module, _) in edges.keys() {
                let reached = reachable(edges, module);
                if done.contains(module) || !reached.contains(module.as_str()) {
                    continue;
                }
                let returns = |other: &&str| reachable(edges, other).contains(module.as_str());
                let modules = reached.iter().copied().filter(returns).map(str::to_owned).collect::<Vec<_>>();
                let inside = edges.iter().filter(|((from, to), _)| modules.contains(from) && modules.contains(to));
                let edges = inside.filter_map(|(_, examples)| examples.first().cloned()).collect();
                done.extend(modules.iter().cloned());
                circles.push(Cycle { folder: folder.clone(), modules, edges });
            }
        }
        circles
    }
}

/// The modules that a module uses, directly or through others.
fn reachable<'a>(edges: &'a BTreeMap<(String, String), Vec<String>>, module: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut todo = vec![module];
    while let Some(module) = todo.pop() {
        let next = edges.keys().filter(|(from, _)| from == module).map(|(_, to)| to.as_str());
        todo.extend(next.filter(|to| reached.insert(*to)));
    }
    reached
}

fn child(path: &[String], name: &str) -> Path {
    path.iter().cloned().chain([name.to_owned()]).collect()
}
