//! Why there is no solution, in words: what the solver derived from what, and why versions that are there were not taken.

use std::collections::BTreeSet;

use depot_proto::{ProjectName, Yanked};
use pep440_rs::Version;
use pubgrub::{
    DefaultStringReporter, DerivationTree, Derived, External, Map, ReportFormatter, Reporter as _, Term,
};

use super::{
    candidates::{Candidates, LeftOut},
    provider::{Node, Provider},
    ranges::{self, Range},
};
use crate::python::inputs::Input;

type Tree = DerivationTree<Node, Range, String>;

/// The most reasons that are given for versions that were left out.
const MOST_REASONS: usize = 3;

/// The most versions that are named of what there is.
const MOST_VERSIONS: usize = 5;

/// A failure to be told.
pub(super) struct Report<'a> {
    provider: &'a Provider<'a>,
    wanted: &'a [&'a Input],
    tree: Tree,
}

impl<'a> Report<'a> {
    pub(super) fn new(provider: &'a Provider<'a>, wanted: &'a [&'a Input], tree: Tree) -> Self {
        let is_no_news = |node: &Node, range: &Range| {
            let candidates = node.project().map(|project| provider.scene.candidates(project, provider.at));
            let Some(Ok(Ok(candidates))) = candidates else { return false };
            let versions = candidates.versions();
            !versions.is_empty() && !versions.iter().any(|version| range.contains(*version))
        };
        Self { provider, wanted, tree: tidied(tree, &is_no_news) }
    }

    /// The projects asked for that have to do with it.
    pub(super) fn concerned(&self) -> BTreeSet<ProjectName> {
        let mut concerned = BTreeSet::new();
        collect_roots(&self.tree, &mut concerned);
        concerned
    }

    /// The failure in one line.
    pub(super) fn words(&self) -> String {
        if let Some(words) = self.words_of_one() {
            return words;
        }
        let lines = DefaultStringReporter::report_with_formatter(&self.tree, &Words(self));
        let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
        let words = lines.collect::<Vec<_>>().join(" ");
        let words = words.trim_end_matches('.');
        words.strip_prefix("Because").map_or_else(|| words.to_owned(), |rest| format!("because{rest}"))
    }

    /// Where it is about one project that was asked for, and nothing that this requires, no derivation is needed.
    fn words_of_one(&self) -> Option<String> {
        let concerned = self.concerned();
        let project = concerned.first().filter(|_| concerned.len() == 1)?;
        let is_it = |node: &&Node| node.project().is_none_or(|other| other == project);
        if !self.tree.packages().iter().all(is_it) || is_about_metadata(&self.tree) {
            return None;
        }
        let inputs: Vec<_> = self.inputs(project).collect();
        let range = inputs.iter().filter_map(|input| input.requirement.as_ref().ok());
        let range = range.fold(Range::full(), |range, one| range.intersection(&ranges::of(&one.specifiers)));
        let candidates = match self.candidates(project) {
            Ok(candidates) => candidates,
            Err(why) => return Some(why),
        };
        let asked: Vec<_> = inputs
            .iter()
            .filter(|input| input.text.trim() != project.to_string())
            .map(|input| format!(" `{}`", input.text))
            .collect();
        let mut words = format!("no version of `{project}` fits{}", asked.join(" and"));
        let reasons = reasons(&candidates, &range);
        if candidates.quarantined {
            return Some(format!("`{project}` is quarantined by the index: it offers no files"));
        }
        if !reasons.is_empty() {
            words = format!("{words} on {}: {}", self.provider.target(), reasons.join(", "));
        } else if candidates.versions().is_empty() {
            words = format!("`{project}` has no files that can be saved");
        } else {
            words = format!("{words}; {}", newest(&candidates));
        }
        Some(words)
    }

    fn inputs<'b>(&'b self, project: &'b ProjectName) -> impl Iterator<Item = &'a Input> + 'b {
        let is_of = |input: &&Input| input.requirement.as_ref().is_ok_and(|one| one.project == *project);
        self.wanted.iter().copied().filter(is_of)
    }

    /// What there is of a project, or why there is nothing.
    fn candidates(&self, project: &ProjectName) -> Result<std::sync::Arc<Candidates>, String> {
        let found = self.provider.scene.candidates(project, self.provider.at);
        found.unwrap_or_else(|stop| Err(stop.to_string()))
    }

    /// A package and a set of its versions: `requests>=2`.
    fn named(&self, node: &Node, range: &Range) -> String {
        let Some(project) = node.project() else { return "what you ask for".to_owned() };
        let simple = match self.candidates(project) {
            Ok(candidates) if !candidates.versions().is_empty() => {
                range.simplify(candidates.versions().into_iter())
            }
            _ => range.clone(),
        };
        if simple == Range::full() {
            format!("every version of `{node}`")
        } else {
            format!("`{node}{}`", ranges::show(&simple))
        }
    }

    fn external(&self, external: &External<Node, Range, String>) -> String {
        match external {
            External::NotRoot(..) => "there is something to be solved".to_owned(),
            External::NoVersions(node, range) => self.no_versions(node, range),
            External::Custom(node, range, why) => {
                format!("{} cannot be used ({why})", self.named(node, range))
            }
            External::FromDependencyOf(Node::Root, _, on, range) => self.asked(on, range),
            External::FromDependencyOf(node, range, on, of) => {
                format!("{} requires {}", self.named(node, range), required(on, of))
            }
        }
    }

    fn asked(&self, node: &Node, range: &Range) -> String {
        let Some(project) = node.project() else { return "you ask for it".to_owned() };
        let mut texts: Vec<_> = self.inputs(project).map(|input| format!("`{}`", input.text)).collect();
        texts.dedup();
        if texts.is_empty() {
            format!("you require {}", required(node, range))
        } else {
            format!("you require {}", texts.join(" and "))
        }
    }

    fn no_versions(&self, node: &Node, range: &Range) -> String {
        let Some(project) = node.project() else { return "there is nothing to be solved".to_owned() };
        let candidates = match self.candidates(project) {
            Ok(candidates) if candidates.quarantined => {
                return format!("`{project}` is quarantined by its index");
            }
            Ok(candidates) => candidates,
            Err(why) => return why,
        };
        let shown = ranges::show(range);
        let mut words = if shown.is_empty() || candidates.versions().iter().all(|one| range.contains(*one)) {
            format!("no version of `{project}` can be used on {}", self.provider.target())
        } else {
            format!("there is no version `{project}{shown}`")
        };
        let reasons = reasons(&candidates, range);
        if !reasons.is_empty() {
            words = format!("{words} ({})", reasons.join(", "));
        } else if !candidates.versions().is_empty() {
            words = format!("{words} ({})", newest(&candidates));
        }
        words
    }
}

/// The newest versions that there are, for who asked for others.
fn newest(candidates: &Candidates) -> String {
    let versions = candidates.versions();
    let newest: Vec<_> = versions.iter().rev().take(MOST_VERSIONS).map(ToString::to_string).collect();
    format!("the newest {} {}", if newest.len() == 1 { "is" } else { "are" }, newest.join(", "))
}

/// What is required of a package, as it would be written.
fn required(node: &Node, range: &Range) -> String {
    format!("`{node}{}`", ranges::show(range))
}

/// The reason of a yank, to be appended; empty if none was given.
pub(super) fn because(yanked: &Yanked) -> String {
    yanked.reason().map(|reason| format!(" (\"{reason}\")")).unwrap_or_default()
}

/// Why the versions in a set cannot be taken, a few reasons at most.
pub(super) fn reasons(candidates: &Candidates, range: &Range) -> Vec<String> {
    // By what they have in common, and as it is said.
    let mut reasons: Vec<(String, String, Vec<&Version>)> = Vec::new();
    let mut add =
        |kind: String, why: String, version| match reasons.iter_mut().find(|(known, ..)| *known == kind) {
            Some((.., versions)) => versions.push(version),
            None => reasons.push((kind, why, vec![version])),
        };
    for (version, why) in candidates.left_out.iter().rev().filter(|(version, _)| range.contains(*version)) {
        // What is too new does not exist for who asks so; but it is what they would look for. Of wheels for other machines
        // those of the newest version are an example.
        let kind = if matches!(why, LeftOut::NoWheel(_)) { String::new() } else { why.to_string() };
        add(kind, why.to_string(), version);
    }
    for candidate in candidates.usable.iter().filter(|one| range.contains(&one.version)) {
        if candidate.yanked.is_yanked() {
            let why = format!("is yanked{}: pin it with `==` to have it", because(&candidate.yanked));
            add(why.clone(), why, &candidate.version);
        } else if candidate.version.any_prerelease() && !candidates.takes_prereleases {
            let why = "is a pre-release: --pre takes such".to_owned();
            add(why.clone(), why, &candidate.version);
        }
    }
    let worded = reasons.into_iter().take(MOST_REASONS).map(|(_, why, versions)| match &versions[..] {
        [one] => format!("{one} {why}"),
        [first, rest @ ..] => format!("{first} and {} more: each {why}", rest.len()),
        [] => why,
    });
    worded.collect()
}

/// Takes out of a derivation what tells nobody anything: that an extra is of the version of its project, which is our own
/// arrangement, and that there are no versions between those that there are.
fn tidied(tree: Tree, is_no_news: &dyn Fn(&Node, &Range) -> bool) -> Tree {
    let is_ours = |tree: &Tree| {
        matches!(tree, Tree::External(External::FromDependencyOf(Node::Extra(one, _), _, Node::Project(other), _))
            if one == other)
    };
    // That there is no other version matters where somebody requires one, and not where it would be the one that requires.
    let is_idle = |tree: &Tree, beside: &Tree| {
        let Tree::External(External::NoVersions(node, range)) = tree else { return false };
        is_no_news(node, range) && requires_something(beside, node)
    };
    match tree {
        Tree::Derived(Derived { cause1, cause2, .. }) if is_ours(&cause1) || is_idle(&cause1, &cause2) => {
            tidied((*cause2).clone(), is_no_news)
        }
        Tree::Derived(Derived { cause1, cause2, .. }) if is_ours(&cause2) || is_idle(&cause2, &cause1) => {
            tidied((*cause1).clone(), is_no_news)
        }
        Tree::Derived(derived) => Tree::Derived(Derived {
            cause1: tidied((*derived.cause1).clone(), is_no_news).into(),
            cause2: tidied((*derived.cause2).clone(), is_no_news).into(),
            ..derived
        }),
        external @ Tree::External(_) => external,
    }
}

/// Whether a step is about what versions of a package require, or cannot be.
fn requires_something(tree: &Tree, node: &Node) -> bool {
    match tree {
        Tree::External(External::FromDependencyOf(other, ..) | External::Custom(other, ..)) => other == node,
        Tree::External(_) => false,
        Tree::Derived(derived) => matches!(derived.terms.get(node), Some(Term::Positive(_))),
    }
}

fn collect_roots(tree: &Tree, roots: &mut BTreeSet<ProjectName>) {
    match tree {
        Tree::External(External::FromDependencyOf(Node::Root, _, on, _)) => {
            roots.extend(on.project().cloned());
        }
        Tree::External(_) => {}
        Tree::Derived(derived) => {
            collect_roots(&derived.cause1, roots);
            collect_roots(&derived.cause2, roots);
        }
    }
}

fn is_about_metadata(tree: &Tree) -> bool {
    match tree {
        Tree::External(external) => matches!(external, External::Custom(..)),
        Tree::Derived(derived) => is_about_metadata(&derived.cause1) || is_about_metadata(&derived.cause2),
    }
}

/// How the solver's derivations are worded.
struct Words<'a>(&'a Report<'a>);

type One = External<Node, Range, String>;
type Terms = Map<Node, Term<Range>>;
type Several = Derived<Node, Range, String>;

impl ReportFormatter<Node, Range, String> for Words<'_> {
    type Output = String;

    fn format_external(&self, external: &One) -> String {
        self.0.external(external)
    }

    fn format_terms(&self, terms: &Terms) -> String {
        let mut terms: Vec<_> = terms.iter().filter(|(node, _)| **node != Node::Root).collect();
        terms.sort_by_key(|(node, _)| (*node).clone());
        match terms[..] {
            [] => "what you ask for cannot be had".to_owned(),
            [(node, Term::Positive(range))] => format!("{} cannot be used", self.0.named(node, range)),
            [(node, Term::Negative(range))] => format!("{} is required", required(node, range)),
            [(node, Term::Positive(range)), (on, Term::Negative(of))]
            | [(on, Term::Negative(of)), (node, Term::Positive(range))] => {
                format!("{} requires {}", self.0.named(node, range), required(on, of))
            }
            _ => {
                let (mut together, mut required_by_them) = (Vec::new(), Vec::new());
                for (node, term) in &terms {
                    match term {
                        Term::Positive(range) => together.push(self.0.named(node, range)),
                        Term::Negative(range) => required_by_them.push(required(node, range)),
                    }
                }
                let together = together.join(" and ");
                if required_by_them.is_empty() {
                    return format!("{together} do not go together");
                }
                let verb =
                    if terms.len() - required_by_them.len() > 1 { "together require" } else { "requires" };
                format!("{together} {verb} {}", required_by_them.join(" or "))
            }
        }
    }

    fn explain_both_external(&self, one: &One, other: &One, terms: &Terms) -> String {
        // What is asked for reads best last.
        let is_asked = |it: &One| matches!(it, External::FromDependencyOf(Node::Root, ..));
        let (one, other) = if is_asked(one) { (other, one) } else { (one, other) };
        let (one, other) = (self.format_external(one), self.format_external(other));
        format!("Because {one} and {other}, {}.", self.format_terms(terms))
    }

    fn explain_both_ref(
        &self,
        number: usize,
        one: &Several,
        other_number: usize,
        other: &Several,
        terms: &Terms,
    ) -> String {
        let (one, other) = (self.format_terms(&one.terms), self.format_terms(&other.terms));
        format!("Because {one} ({number}) and {other} ({other_number}), {}.", self.format_terms(terms))
    }

    fn explain_ref_and_external(&self, number: usize, one: &Several, other: &One, terms: &Terms) -> String {
        let (one, other) = (self.format_terms(&one.terms), self.format_external(other));
        format!("Because {one} ({number}) and {other}, {}.", self.format_terms(terms))
    }

    fn and_explain_external(&self, one: &One, terms: &Terms) -> String {
        format!("And because {}, {}.", self.format_external(one), self.format_terms(terms))
    }

    fn and_explain_ref(&self, number: usize, one: &Several, terms: &Terms) -> String {
        format!("And because {} ({number}), {}.", self.format_terms(&one.terms), self.format_terms(terms))
    }

    fn and_explain_prior_and_external(&self, prior: &One, one: &One, terms: &Terms) -> String {
        let (prior, one) = (self.format_external(prior), self.format_external(one));
        format!("And because {prior} and {one}, {}.", self.format_terms(terms))
    }
}
