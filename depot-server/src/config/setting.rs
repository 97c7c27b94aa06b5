//! The settings as such: what they are called, where they may be written, what they are for. The flags, the environment,
//! the file that `init` writes and the page in docs/ all come from here.

use std::sync::LazyLock;

use super::{access, limits, log, oidc, publish, repositories, server, statistics, transport};

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its table and its key in the file: `server.port`.
    pub(crate) key: &'static str,
    /// Its flag, with the dashes, and its variable; some settings stand only in the file.
    pub(crate) outside: Option<Outside>,
    /// What holds where it is not written.
    pub(crate) fallback: Fallback,
    /// What it is for: a sentence without its full stop.
    pub(crate) what: &'static str,
}

/// How a setting is called outside the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outside {
    /// With its dashes: `--port`.
    pub(crate) flag: &'static str,
    /// The variable: `DEPOT_PORT`.
    pub(crate) variable: &'static str,
    /// What stands for the value in `--help`.
    pub(crate) placeholder: &'static str,
}

/// What holds where a setting is not written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fallback {
    /// This value, as it is written in the file.
    Value(&'static str),
    /// It depends.
    Words {
        /// On what.
        words: &'static str,
        /// A value that it could have, as it is written in the file.
        example: &'static str,
    },
}

/// A table of the file.
#[derive(Debug)]
pub(crate) struct Section {
    /// What stands between the brackets.
    pub(crate) name: &'static str,
    /// What is set there: a sentence without its full stop.
    pub(crate) what: &'static str,
    /// In the order of the file.
    pub(crate) settings: &'static [&'static Setting],
}

/// The tables that every server has, in the order of the file.
static SECTIONS: LazyLock<Vec<&'static Section>> = LazyLock::new(|| {
    let mut sections = vec![
        &server::SECTION,
        &access::SECTION,
        &transport::SECTION,
        &limits::SECTION,
        &publish::SECTION,
        &log::SECTION,
        &statistics::SECTION,
        &oidc::SECTION,
    ];
    sections.extend(repositories::built_in().iter().map(|repository| repository.section));
    sections
});

/// Every table that every server has, in the order of the file.
pub(crate) fn sections() -> &'static [&'static Section] {
    &SECTIONS
}

/// Every setting of these tables, in the order of the file.
pub(crate) fn all() -> impl Iterator<Item = &'static Setting> {
    sections().iter().flat_map(|section| section.settings.iter().copied())
}

impl Setting {
    /// A setting that stands only in the file.
    pub(super) const fn new(key: &'static str, fallback: Fallback, what: &'static str) -> Self {
        Self { key, outside: None, fallback, what }
    }

    /// The same with a flag and a variable.
    pub(super) const fn outside(
        mut self,
        flag: &'static str,
        variable: &'static str,
        placeholder: &'static str,
    ) -> Self {
        self.outside = Some(Outside { flag, variable, placeholder });
        self
    }

    /// Its key within its table.
    pub(crate) fn name(&self) -> &'static str {
        self.key.rsplit_once('.').map_or(self.key, |(_, name)| name)
    }
}
