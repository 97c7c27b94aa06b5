//! Of which projects wheels or sdists alone will do: pip's `--only-binary` and `--no-binary`.

use std::collections::BTreeSet;

use depot_proto::{DistributionKind, ProjectName};

/// What was said of all projects and of some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::python) struct Formats {
    only_binary: Projects,
    no_binary: Projects,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Projects {
    all: bool,
    named: BTreeSet<ProjectName>,
}

impl Formats {
    /// Takes the value of an `--only-binary`: names with commas between them, `:all:`, or `:none:`, which takes back what
    /// was said.
    pub(in crate::python) fn only_binary(&mut self, value: &str) -> Result<(), String> {
        take(value, &mut self.only_binary, &mut self.no_binary)
    }

    /// Takes the value of a `--no-binary`.
    pub(in crate::python) fn no_binary(&mut self, value: &str) -> Result<(), String> {
        take(value, &mut self.no_binary, &mut self.only_binary)
    }

    /// The kind of file that alone will do; none where both do. What is said of a project by name comes first.
    pub(in crate::python) fn only(&self, project: &ProjectName) -> Option<DistributionKind> {
        let (wheels, sdists) = (&self.only_binary, &self.no_binary);
        let is_wheel = wheels.named.contains(project) || (wheels.all && !sdists.named.contains(project));
        let is_sdist = sdists.named.contains(project) || sdists.all;
        match (is_wheel, is_sdist) {
            (true, _) => Some(DistributionKind::Wheel),
            (false, true) => Some(DistributionKind::Sdist),
            (false, false) => None,
        }
    }
}

/// As pip takes one: `:all:` undoes all that was said before, and a name what was said of that project.
fn take(value: &str, of: &mut Projects, other: &mut Projects) -> Result<(), String> {
    for name in value.split(',').map(str::trim) {
        match name {
            ":all:" => {
                *other = Projects::default();
                *of = Projects { all: true, named: BTreeSet::new() };
            }
            ":none:" => *of = Projects::default(),
            name => {
                let project: ProjectName = name
                    .parse()
                    .map_err(|_| format!("`{name}` is neither a project nor `:all:` or `:none:`"))?;
                other.named.remove(&project);
                of.named.insert(project);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_those_of_pip() {
        use DistributionKind::{Sdist, Wheel};
        for (said, of_a, of_b) in [
            (&[][..], None, None),
            (&["+:all:"], Some(Wheel), Some(Wheel)),
            (&["-:all:"], Some(Sdist), Some(Sdist)),
            (&["+a"], Some(Wheel), None),
            (&["+:all:", "-A"], Some(Sdist), Some(Wheel)),
            (&["-:all:", "+a"], Some(Wheel), Some(Sdist)),
            (&["+a", "-a"], Some(Sdist), None),
            (&["+a,b", "+:none:"], None, None),
            (&["-a", "+:all:"], Some(Wheel), Some(Wheel)),
        ] {
            let mut formats = Formats::default();
            for one in said {
                let (sign, value) = one.split_at(1);
                if sign == "+" { formats.only_binary(value) } else { formats.no_binary(value) }.unwrap();
            }
            let only = |name: &str| formats.only(&name.parse().unwrap());
            assert_eq!((only("a"), only("b")), (of_a, of_b), "{said:?}");
        }
        assert!(Formats::default().no_binary("a b").unwrap_err().contains("`a b`"));
    }
}
