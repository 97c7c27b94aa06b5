//! What an entry of a policy names: projects by name or glob, and versions of them.

use std::borrow::Cow;

use pep440_rs::{Operator, VersionSpecifier, VersionSpecifiers};

use crate::{ProjectName, Version};

/// What an entry names, read from a text such as `acme-*` or `foo==1.2.*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct What {
    pub(super) name: NamePattern,
    /// Empty where all versions are named.
    pub(super) specifiers: VersionSpecifiers,
}

/// Which projects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NamePattern {
    Exactly(ProjectName),
    Glob(Glob),
}

/// A project's name with `*` in it, each standing for any characters or none. Kept are the normalized pieces around the
/// stars, so there are at least two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob(Vec<String>);

impl What {
    /// Reads a text, or says why it names nothing.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let shown = || text.chars().take(120).flat_map(char::escape_debug).collect::<String>();
        let end = text.find(|c: char| "<>=!~(".contains(c) || c.is_whitespace()).unwrap_or(text.len());
        let (name, specifiers) = text.split_at(end);
        if name.contains(['[', ';', '@']) || specifiers.contains([';', '@']) {
            return Err(format!(
                "`{}` is more than a name and versions: write it without extras, markers and addresses",
                shown()
            ));
        }
        let name = if name.contains('*') {
            Glob::read(name).map(NamePattern::Glob)
        } else {
            name.parse().ok().map(NamePattern::Exactly)
        };
        let name = name.ok_or_else(|| {
            format!("`{}` names no project: write a name, or one with `*` in it such as `acme-*`", shown())
        })?;
        let specifiers = match specifiers.trim() {
            "" => VersionSpecifiers::empty(),
            written => written.parse().map_err(|error: pep440_rs::VersionSpecifiersParseError| {
                // The text and an underline follow on further lines.
                let why = error.to_string();
                let why = why.lines().next().unwrap_or_default().trim_end_matches(':').to_owned();
                format!("`{}` names no versions: {why}", shown())
            })?,
        };
        Ok(Self { name, specifiers })
    }

    /// The one version of the one project that it names, where it names exactly that.
    pub(super) fn release(self) -> Option<(ProjectName, Version)> {
        let NamePattern::Exactly(project) = self.name else { return None };
        let mut specifiers = self.specifiers.iter();
        let (Some(only), None) = (specifiers.next(), specifiers.next()) else { return None };
        let is_exact = matches!(only.operator(), Operator::Equal | Operator::ExactEqual);
        is_exact.then(|| (project, Version::Pep440(only.version().clone())))
    }
}

impl Glob {
    fn read(text: &str) -> Option<Self> {
        let mut pieces = vec![String::new()];
        let mut last = None;
        for byte in text.bytes() {
            let piece = pieces.last_mut()?;
            match byte {
                b'*' if last == Some(b'*') => {}
                b'*' => pieces.push(String::new()),
                b'-' | b'_' | b'.' if last == Some(b'-') => {}
                // No name begins or ends with one, so such a pattern would match nothing, silently.
                b'-' | b'_' | b'.' if last.is_none() => return None,
                b'-' | b'_' | b'.' => piece.push('-'),
                _ if byte.is_ascii_alphanumeric() => piece.push(char::from(byte.to_ascii_lowercase())),
                _ => return None,
            }
            last = Some(if matches!(byte, b'_' | b'.') { b'-' } else { byte });
        }
        (last != Some(b'-')).then_some(Self(pieces))
    }

    /// Whether it means this normalized name.
    pub(super) fn matches(&self, name: &str) -> bool {
        let [first, inner @ .., last] = self.0.as_slice() else { return false };
        let Some(rest) = name.strip_prefix(first.as_str()) else { return false };
        let Some(mut rest) = rest.strip_suffix(last.as_str()) else { return false };
        for piece in inner {
            let Some(at) = rest.find(piece.as_str()) else { return false };
            rest = &rest[at + piece.len()..];
        }
        true
    }
}

/// Whether specifiers name a version as PEP 440 says: pre-releases or not, local versions by their public part.
pub(super) fn names(specifiers: &VersionSpecifiers, version: &pep440_rs::Version) -> bool {
    specifiers.iter().all(|specifier| specifier.contains(&padded(specifier, version)))
}

/// A version with as many parts as a `.*` compares: `1` is `1.0`, and the library would compare what both have alone.
fn padded<'v>(specifier: &VersionSpecifier, version: &'v pep440_rs::Version) -> Cow<'v, pep440_rs::Version> {
    let wanted = specifier.version().release().len();
    let release = version.release();
    let is_star = matches!(specifier.operator(), Operator::EqualStar | Operator::NotEqualStar);
    if !is_star || release.len() >= wanted {
        return Cow::Borrowed(version);
    }
    let zeros = std::iter::repeat_n(0, wanted - release.len());
    let release: Vec<u64> = release.iter().copied().chain(zeros).collect();
    Cow::Owned(version.clone().with_release(release))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(text: &str) -> Option<Glob> {
        Glob::read(text)
    }

    #[test]
    fn a_star_stands_for_any_characters_or_none() {
        for (pattern, name, matches) in [
            ("*", "a", true),
            ("acme-*", "acme-core", true),
            ("acme-*", "acme", false),
            ("acme*", "acme", true),
            ("Acme_.*", "acme-core", true),
            ("*-stubs", "six-stubs", true),
            ("*-stubs", "stubs", false),
            ("a*b", "ab", true),
            ("a*b", "a", false),
            // The beginning and the end may not share letters.
            ("aba*ba", "aba", false),
            ("a**b", "axb", true),
            ("acme-*-core", "acme-a-b-core", true),
            ("acme-*-core", "acme-core", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("a-*-*-z", "a-b-z", false),
        ] {
            assert_eq!(glob(pattern).unwrap().matches(name), matches, "{pattern} {name}");
        }
        for text in ["-a*", "*a-", "a b*", "ä*", "*.", "a/*"] {
            assert_eq!(glob(text), None, "{text}");
        }
    }

    #[test]
    fn specifiers_name_versions_as_pep_440_says() {
        for (what, version, named) in [
            ("a==1.2.*", "1.2.9", true),
            ("a==1.2.*", "1.2", true),
            ("a==1.2.*", "1", false),
            ("a==1.0.*", "1", true),
            ("a!=1.2.*", "1", true),
            ("a==1.2.*", "1.20", false),
            ("a<=1.2", "1.2+local", true),
            ("a==1.2", "1.2+local", true),
            ("a>=1,<2", "2.0rc1", false),
            ("a>=1", "2.0rc1", true),
            ("a (>=1)", "0.9", false),
            ("a ~= 1.4.2", "1.4.9", true),
            ("a ~= 1.4.2", "1.5", false),
            ("a===1.0", "1.0", true),
        ] {
            let what = what.replace(['(', ')'], "");
            let read = What::read(&what).unwrap();
            let version: pep440_rs::Version = version.parse().unwrap();
            assert_eq!(names(&read.specifiers, &version), named, "{what} {version}");
        }
    }

    #[test]
    fn one_release_is_a_name_and_one_version() {
        let release = |text: &str| What::read(text).unwrap().release();
        let (project, version) = release("UrlLib3 == 2.2.1").unwrap();
        assert_eq!((project.as_str(), version), ("urllib3", Version::read("2.2.1.0")));
        assert!(release("a===1.0").is_some());
        for text in ["a", "a==1.*", "a>=1", "a==1,==1", "a*==1"] {
            assert_eq!(release(text), None, "{text}");
        }
    }

    #[test]
    fn what_names_nothing_is_refused_in_words() {
        for (text, words) in [
            ("", "names no project"),
            ("-x", "names no project"),
            (">=1", "names no project"),
            ("a b", "names no versions"),
            ("a=1", "names no versions"),
            ("a==", "names no versions"),
            ("a>=1.*", "names no versions"),
            ("a[x]", "without extras"),
            ("a>1;os_name=='nt'", "without extras, markers"),
            ("a@https://index.example/a.whl", "addresses"),
        ] {
            let error = What::read(text).unwrap_err();
            assert!(error.contains(words) && !error.contains('\n'), "{text}: {error}");
        }
    }
}
