//! When a lock wants a package: markers (PEP 508), with what PEP 751 adds to them.

use std::collections::BTreeSet;

use depot_proto::{Environment, Marker as Plain};

/// How deep parentheses may lie in each other.
const MAX_DEPTH: usize = 64;

/// Which extras or groups are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::python) enum Names {
    /// Nothing was said of them: all, also those that exclude each other.
    #[default]
    Any,
    /// These alone, by their normalized names.
    These(BTreeSet<String>),
}

impl Names {
    /// Whether this one may be asked for.
    pub(in crate::python) fn may_have(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(names) => names.contains(&normalized(name)),
        }
    }

    fn may_lack(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(names) => !names.contains(&normalized(name)),
        }
    }
}

/// The name of an extra or a group as names are compared (PEP 685, PEP 735).
pub(in crate::python) fn normalized(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for c in name.trim().chars() {
        match c {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            c => normal.extend(c.to_lowercase()),
        }
    }
    normal
}

/// The extras and groups that are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::python) struct Selected {
    pub(in crate::python) extras: Names,
    pub(in crate::python) groups: Names,
}

/// A marker. There is no negation in the language, so that what may be either way can be taken for true: then more is
/// wanted than must be, and never less.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::python) enum Marker {
    /// A comparison with the environment.
    Environment(Box<Plain>),
    /// `'x' in extras`, or not in.
    Extra {
        name: String,
        within: bool,
    },
    /// `'x' in dependency_groups`, or not in.
    Group {
        name: String,
        within: bool,
    },
    /// What cannot be told: true.
    Unknown,
    All(Vec<Self>),
    Any(Vec<Self>),
}

impl Default for Marker {
    /// True everywhere.
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Marker {
    /// Reads a marker. What is well-formed and not understood is taken for true.
    pub(in crate::python) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { text, words: words(text)?, at: 0 };
        let marker = reader.any(0)?;
        match reader.peek() {
            None => Ok(marker),
            Some(_) => Err(reader.refuse()),
        }
    }

    /// What a `requires-python` says, as a marker.
    pub(in crate::python) fn of_python(specifiers: &str) -> Result<Self, String> {
        let specifiers = specifiers.split(',').map(str::trim).filter(|specifier| !specifier.is_empty());
        let markers = specifiers.map(|specifier| {
            let version = specifier.trim_start_matches(|c| "<>=!~".contains(c));
            let operator = &specifier[..specifier.len() - version.len()];
            if operator.is_empty() || version.contains(['"', '\'']) {
                return Err(format!("`{specifier}` does not say which Python it means"));
            }
            Ok(environment(&format!("python_full_version {operator} '{}'", version.trim())))
        });
        Ok(Self::All(markers.collect::<Result<_, _>>()?))
    }

    /// Both this and the other one.
    pub(in crate::python) fn and(self, other: Self) -> Self {
        Self::All(vec![self, other])
    }

    /// Whether it may be true in this environment; without one, in any.
    pub(in crate::python) fn may_apply(
        &self,
        environment: Option<&Environment>,
        selected: &Selected,
    ) -> bool {
        match self {
            Self::Environment(plain) => {
                environment.is_none_or(|environment| plain.applies_in(environment, &[]))
            }
            Self::Extra { name, within: true } => selected.extras.may_have(name),
            Self::Extra { name, within: false } => selected.extras.may_lack(name),
            Self::Group { name, within: true } => selected.groups.may_have(name),
            Self::Group { name, within: false } => selected.groups.may_lack(name),
            Self::Unknown => true,
            Self::All(all) => all.iter().all(|marker| marker.may_apply(environment, selected)),
            Self::Any(any) => any.iter().any(|marker| marker.may_apply(environment, selected)),
        }
    }
}

/// A comparison with `extra`. Names such as `extra-7-project-cpu` are uv's, for what excludes each other, and cannot be
/// told.
fn of_extra(name: &str, within: bool) -> Marker {
    let counted = name.strip_prefix("extra-").or_else(|| name.strip_prefix("group-"));
    if counted.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
        return Marker::Unknown;
    }
    Marker::Extra { name: name.to_owned(), within }
}

/// A comparison with the environment.
fn environment(comparison: &str) -> Marker {
    comparison.parse().map_or(Marker::Unknown, |plain| Marker::Environment(Box::new(plain)))
}

/// The words of a marker by where they are: parentheses, quoted texts, operators, names.
fn words(text: &str) -> Result<Vec<(usize, &str)>, String> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let len = match first {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '(' | ')' => 1,
            '\'' | '"' => match rest[1..].find(first) {
                Some(end) => end + 2,
                None => return Err("a quote in it is not closed".to_owned()),
            },
            c if "<>=!~".contains(c) => rest.find(|c| !"<>=!~".contains(c)).unwrap_or(rest.len()),
            _ => {
                let ends = |c: char| c.is_whitespace() || "()'\"<>=!~".contains(c);
                rest.find(ends).unwrap_or(rest.len())
            }
        };
        words.push((at, &rest[..len]));
        at += len;
    }
    Ok(words)
}

struct Reader<'t> {
    text: &'t str,
    words: Vec<(usize, &'t str)>,
    at: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<&'t str> {
        self.words.get(self.at).map(|(_, word)| *word)
    }

    fn take(&mut self) -> Option<&'t str> {
        let word = self.peek()?;
        self.at += 1;
        Some(word)
    }

    fn takes(&mut self, word: &str) -> bool {
        let found = self.peek() == Some(word);
        self.at += usize::from(found);
        found
    }

    fn refuse(&self) -> String {
        match self.words.get(self.at) {
            Some((at, word)) => {
                format!("`{}` is not expected there, after {at} characters", word.escape_debug())
            }
            None => "it ends too early".to_owned(),
        }
    }

    fn any(&mut self, depth: usize) -> Result<Marker, String> {
        let mut any = vec![self.all(depth)?];
        while self.takes("or") {
            any.push(self.all(depth)?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Marker::Any(any) })
    }

    fn all(&mut self, depth: usize) -> Result<Marker, String> {
        let mut all = vec![self.one(depth)?];
        while self.takes("and") {
            all.push(self.one(depth)?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Marker::All(all) })
    }

    fn one(&mut self, depth: usize) -> Result<Marker, String> {
        if depth > MAX_DEPTH {
            return Err(format!("its parentheses lie more than {MAX_DEPTH} deep"));
        }
        if self.takes("(") {
            let marker = self.any(depth + 1)?;
            return if self.takes(")") { Ok(marker) } else { Err(self.refuse()) };
        }
        let start = self.words.get(self.at).map_or(self.text.len(), |(at, _)| *at);
        let left = self.value()?;
        let within = !self.takes("not");
        let is_in = match self.take() {
            Some("in") => true,
            Some(word) if within && word.starts_with(|c| "<>=!~".contains(c)) => false,
            _ => {
                self.at = self.at.saturating_sub(1);
                return Err(self.refuse());
            }
        };
        let right = self.value()?;
        let end = self.words[self.at - 1].0 + self.words[self.at - 1].1.len();
        let name = || left.trim_matches(['\'', '"']).to_owned();
        Ok(match right {
            "extras" if is_in => Marker::Extra { name: name(), within },
            "dependency_groups" if is_in => Marker::Group { name: name(), within },
            _ if left == "extra" || right == "extra" => {
                let name = if left == "extra" { right } else { left };
                let within = within && self.words[self.at - 2].1 != "!=";
                of_extra(name.trim_matches(['\'', '"']), within)
            }
            _ => environment(&self.text[start..end]),
        })
    }

    fn value(&mut self) -> Result<&'t str, String> {
        let is_value = |word: &str| {
            word.starts_with(|c: char| c.is_alphanumeric() || "'\"_".contains(c))
                && !["and", "or", "in", "not"].contains(&word)
        };
        match self.peek() {
            Some(word) if is_value(word) => {
                self.at += 1;
                Ok(word)
            }
            _ => Err(self.refuse()),
        }
    }
}

#[cfg(test)]
mod tests {
    use depot_proto::Target;

    use super::*;

    fn these(names: &[&str]) -> Names {
        Names::These(names.iter().map(ToString::to_string).collect())
    }

    /// On Linux with Python 3.12.
    fn applies(text: &str, extras: Names, groups: Names) -> bool {
        let target: Target = "cp312-manylinux_2_28_x86_64".parse().unwrap();
        Marker::parse(text).unwrap().may_apply(Some(target.environment()), &Selected { extras, groups })
    }

    #[test]
    fn what_pep_751_adds_is_judged_by_what_is_asked_for() {
        for (text, expected) in [
            ("'X_y' in extras", true),
            ("'z' in extras", false),
            ("'z' not in extras", true),
            ("extra == 'x.y' and 'z' != extra", true),
            ("extra != 'x.y'", false),
            ("'x-y' not in extras", false),
            ("\"dev\" in dependency_groups", true),
            ("'docs' in dependency_groups or 'x-y' in extras", true),
            ("'docs' in dependency_groups and 'x-y' in extras", false),
            ("sys_platform == 'linux' and 'x.y' in extras", true),
            ("sys_platform == 'win32' and 'x-y' in extras", false),
            ("sys_platform == 'win32' or ('z' in extras or (os_name != 'nt'))", true),
            ("('x' in platform_version) and 'no' not in os_name", false),
        ] {
            assert_eq!(applies(text, these(&["x-y"]), these(&["dev"])), expected, "{text}");
        }
    }

    #[test]
    fn where_nothing_is_said_all_is_wanted_also_what_excludes_each_other() {
        for text in
            ["'x' in extras", "'x' not in extras", "extra == 'extra-7-project-cpu'", "new_word == 'x'"]
        {
            assert!(applies(text, Names::Any, Names::Any), "{text}");
        }
        assert!(!applies("'x' in extras and os_name == 'nt'", Names::Any, Names::Any));
        let marker = Marker::parse("os_name == 'nt'").unwrap();
        assert!(marker.may_apply(None, &Selected::default()));
    }

    #[test]
    fn which_python_is_required_is_a_marker_too() {
        let marker = Marker::of_python(">=3.8, !=3.9.*,<4").unwrap();
        let Marker::All(all) = &marker else { panic!("{marker:?}") };
        assert!(all.iter().all(|one| matches!(one, Marker::Environment(_))), "{all:?}");
        assert_eq!(all.len(), 3);
        assert_eq!(Marker::of_python("").unwrap(), Marker::default());
        assert!(Marker::of_python("3.8").is_err());
    }

    #[test]
    fn what_is_no_marker_says_so() {
        let deep = "(".repeat(100_000);
        for text in [
            "",
            "'x'",
            "'x' in",
            "'x' in extras and",
            "x 'y'",
            "(os_name == 'a'",
            "os_name == 'a')",
            "os_name == 'a",
            "and",
            "'x' not extras",
            "'x' not == extras",
            "== 'x'",
            "\u{e9} \u{e9}",
            &deep,
        ] {
            assert!(Marker::parse(text).is_err(), "{text:.40}");
        }
    }

    #[test]
    fn names_are_compared_as_normalized() {
        assert_eq!(normalized(" Foo__Bar.-baz "), "foo-bar-baz");
    }
}
