//! What is required together in one target, and what is chosen for it.

use std::collections::{BTreeMap, BTreeSet};

use depot_proto::{DistributionFilename, ProjectName, Requirement, Target, redact::masked};

use super::{Failure, Wish, choose::Pick, wish::ADDRESS};

/// What is required together, in one target.
pub(super) struct Problem {
    /// What it is for: what was wished for, or the building of an sdist.
    pub(super) what: String,
    pub(super) target: Target,
    pub(super) projects: BTreeMap<ProjectName, Asked>,
    /// What bounds the versions of a project that is required.
    constraints: BTreeMap<ProjectName, Vec<Requirement>>,
    /// The projects whose requirements were taken back once, because nothing required them any more.
    pruned: BTreeSet<ProjectName>,
}

/// What is asked of a project.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) needs: Vec<Need>,
    pub(super) choice: Option<Choice>,
    /// Why nothing is chosen, or not all that a lock names.
    pub(super) failed: Vec<String>,
    /// The requirements of locks that the target can use.
    pub(super) locked: Vec<String>,
}

/// What is chosen of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// One release, or each that a lock names.
    pub(super) picks: Vec<Pick>,
    /// The extras whose requirements are looked at.
    pub(super) extras: BTreeSet<String>,
}

/// One requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) requirement: Requirement,
    /// The digests that its file must have one of; any where there are none.
    pub(super) hashes: Vec<String>,
    /// Who requires it, in words.
    pub(super) by: String,
    /// Which project does, if one does.
    pub(super) parent: Option<ProjectName>,
    /// Whether a lock says it, which says all that is required by itself, and for other targets too.
    pub(super) locked: bool,
}

impl Problem {
    pub(super) fn of_wish(wish: &Wish, target: &Target, failed: &mut BTreeSet<Failure>) -> Self {
        let mut problem = Self::new(target.to_string(), target);
        for line in &wish.lines {
            let requirement = match line.read() {
                Ok(requirement) => requirement,
                Err(reason) => {
                    failed.insert(Failure { what: line.words(), reason });
                    continue;
                }
            };
            if !requirement.applies_in(target.environment(), &[]) {
                continue;
            }
            if requirement.url.is_some() {
                let reason = ADDRESS.to_owned();
                failed.insert(Failure { what: line.words(), reason });
                continue;
            }
            problem.add(Need {
                hashes: line.hashes.clone(),
                by: line.place.clone(),
                parent: None,
                locked: line.locked,
                requirement,
            });
        }
        for text in &wish.constraints {
            match text.parse::<Requirement>() {
                Ok(constraint) if constraint.applies_in(target.environment(), &[]) => {
                    problem.constraints.entry(constraint.project.clone()).or_default().push(constraint);
                }
                Ok(_) => {}
                Err(error) => {
                    let (what, reason) = (masked(text), masked(&error.to_string()));
                    failed.insert(Failure { what, reason });
                }
            }
        }
        problem
    }

    /// What must be there to build an sdist, for which the same constraints hold.
    pub(super) fn of_build(filename: &DistributionFilename, of: &Self, requires: &[Requirement]) -> Self {
        let mut problem = Self::new(format!("{} {filename}", of.target), &of.target);
        problem.constraints.clone_from(&of.constraints);
        for requirement in requires.iter().filter(|one| one.applies_in(of.target.environment(), &[])) {
            problem.add(Need {
                requirement: requirement.clone(),
                hashes: Vec::new(),
                by: format!("the building of {filename}"),
                parent: None,
                locked: false,
            });
        }
        problem
    }

    fn new(what: String, target: &Target) -> Self {
        let (projects, constraints, pruned) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Self { what, target: target.clone(), projects, constraints, pruned }
    }

    fn add(&mut self, need: Need) {
        self.projects.entry(need.requirement.project.clone()).or_default().needs.push(need);
    }

    /// What bounds the versions of a project.
    pub(super) fn constraints_of(&self, project: &ProjectName) -> &[Requirement] {
        self.constraints.get(project).map_or(&[], Vec::as_slice)
    }

    /// Puts what a project requires in the place of what it required before; the projects of which that asks something
    /// else.
    pub(super) fn replace_needs(&mut self, parent: &ProjectName, needs: Vec<Need>) -> BTreeSet<ProjectName> {
        let mut changed = BTreeSet::new();
        for (project, asked) in &mut self.projects {
            let before = asked.needs.len();
            asked.needs.retain(|need| need.parent.as_ref() != Some(parent) || needs.contains(need));
            if asked.needs.len() < before {
                changed.insert(project.clone());
            }
        }
        for need in needs {
            let asked = self.projects.entry(need.requirement.project.clone()).or_default();
            if !asked.needs.contains(&need) {
                changed.insert(need.requirement.project.clone());
                asked.needs.push(need);
            }
        }
        changed
    }

    /// The projects that are required by what was wished for, or by what is chosen of other such projects.
    pub(super) fn reached(&self) -> BTreeSet<ProjectName> {
        let mut reached: BTreeSet<ProjectName> = BTreeSet::new();
        loop {
            let is_needed = |need: &Need| need.parent.as_ref().is_none_or(|parent| reached.contains(parent));
            let more: Vec<_> = self
                .projects
                .iter()
                .filter(|(project, asked)| !reached.contains(*project) && asked.needs.iter().any(is_needed))
                .map(|(project, _)| project.clone())
                .collect();
            if more.is_empty() {
                return reached;
            }
            reached.extend(more);
        }
    }

    /// Takes back what projects require that nothing requires any more; the projects that may be chosen anew because of
    /// that. Once for each project: one that is rejected again by what it requires itself stays rejected.
    pub(super) fn prune(&mut self) -> BTreeSet<ProjectName> {
        let reached = self.reached();
        let unreached: Vec<_> =
            self.projects.keys().filter(|project| !reached.contains(*project)).cloned().collect();
        let mut changed = BTreeSet::new();
        for project in unreached {
            if self.pruned.insert(project.clone()) {
                if let Some(asked) = self.projects.get_mut(&project) {
                    asked.choice = None;
                }
                changed.extend(self.replace_needs(&project, Vec::new()));
            }
        }
        changed.retain(|project| reached.contains(project));
        changed
    }
}

impl Asked {
    pub(super) fn extras(&self) -> BTreeSet<String> {
        self.needs.iter().flat_map(|need| need.requirement.extras.iter().cloned()).collect()
    }

    pub(super) fn is_locked(&self) -> bool {
        !self.needs.is_empty() && self.needs.iter().all(|need| need.locked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(text: &str, parent: Option<&str>) -> Need {
        Need {
            requirement: text.parse().unwrap(),
            hashes: Vec::new(),
            by: String::new(),
            parent: parent.map(|parent| parent.parse().unwrap()),
            locked: false,
        }
    }

    fn names(projects: &BTreeSet<ProjectName>) -> String {
        projects.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_only_rejected_releases_require_is_taken_back_once() {
        let target: Target = "cp312-manylinux_2_28_x86_64".parse().unwrap();
        let mut problem = Problem::new("it".to_owned(), &target);
        problem.add(need("app", None));
        problem.add(need("six", None));
        let (app, six): (ProjectName, ProjectName) = ("app".parse().unwrap(), "six".parse().unwrap());
        assert_eq!(names(&problem.replace_needs(&app, vec![need("tea", Some("app"))])), "tea");
        let of_tea = vec![need("pot", Some("tea")), need("six<2", Some("tea"))];
        assert_eq!(names(&problem.replace_needs(&"tea".parse().unwrap(), of_tea)), "pot six");
        // These two require each other.
        problem.replace_needs(&"pot".parse().unwrap(), vec![need("tea>1", Some("pot"))]);
        assert_eq!(names(&problem.reached()), "app pot six tea");
        assert_eq!(names(&problem.prune()), "");
        // Another release of it is chosen, which requires nothing.
        assert_eq!(names(&problem.replace_needs(&app, Vec::new())), "tea");
        assert_eq!(names(&problem.reached()), "app six");
        assert_eq!(names(&problem.prune()), "six");
        assert_eq!(problem.projects[&six].needs.len(), 1);
        problem.replace_needs(&"tea".parse().unwrap(), vec![need("six<2", Some("tea"))]);
        assert_eq!(names(&problem.prune()), "");
        assert_eq!(problem.projects[&six].needs.len(), 2);
    }

    #[test]
    fn constraints_hold_where_their_markers_do() {
        let wish = Wish {
            constraints: ["six==1.16;python_version<'3.12'", "six==1.17;python_version>='3.12'", "tea<2"]
                .map(str::to_owned)
                .into(),
            ..Wish::default()
        };
        let bound = |target: &str| {
            let mut failed = BTreeSet::new();
            let problem = Problem::of_wish(&wish, &target.parse().unwrap(), &mut failed);
            assert!(failed.is_empty());
            let six = problem.constraints_of(&"six".parse().unwrap()).iter();
            six.map(|constraint| constraint.specifiers.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(bound("cp311-manylinux_2_28_x86_64"), ["==1.16"]);
        assert_eq!(bound("cp312-manylinux_2_28_x86_64"), ["==1.17"]);
    }
}
