//! Which indexes are asked, and in which order.
//!
//! The first index that has a project answers for it; versions of two indexes are never mixed, so nobody can put a newer
//! version of a private name onto a public index and have it chosen. Extra indexes are asked before the main one, in
//! the order in which they are given, as uv does.

use std::sync::Arc;

use depot_index::{Client, IndexUrl};
use depot_proto::{ProjectName, simple::ProjectPage};

use super::{
    carried::Carried,
    inputs::{Asked, ListedIndex},
    solve::NoListing,
    statuses::Statuses,
};
use crate::{DEFAULT_INDEX, exit::UsageError, output::explain, variables::whence};

/// The variables that name the main index where no flag and none of depot's own does, in this order.
const MAIN_VARIABLES: [&str; 2] = ["UV_DEFAULT_INDEX", "PIP_INDEX_URL"];

/// The variables that name extra indexes, separated by spaces: the first one that is set.
const EXTRA_VARIABLES: [&str; 2] = ["UV_INDEX", "PIP_EXTRA_INDEX_URL"];

/// Whence the main index is that nobody chose.
const DEFAULT: &str = "the default";

/// The indexes of a run.
#[derive(Debug)]
pub(super) struct Indexes {
    /// Asked first, in this order.
    extra: Vec<Arc<IndexUrl>>,
    /// Asked last.
    main: Arc<IndexUrl>,
    /// Whether nobody chose any.
    is_default: bool,
    /// What the pages that were read say of their projects.
    pub(super) statuses: Statuses,
    /// What they say of files that the tree has.
    pub(super) carried: Carried,
    /// What was chosen and why, a line each.
    pub(super) told: Vec<String>,
    /// What was said and is not followed.
    pub(super) warnings: Vec<String>,
}

impl Indexes {
    /// Chooses the indexes: of the main one the flag's, then that of the environment, then that of the lists, then the
    /// default; of the extra ones the flags' or else the environment's, and those of the lists.
    pub(super) fn choose(
        main: Option<&str>,
        extra: &[String],
        lists: &Asked,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, UsageError> {
        let own_extra = variable("DEPOT_EXTRA_INDEX_URL");
        let own_main = variable("DEPOT_INDEX_URL");
        let variable = |name: &&str| variable(name).filter(|value| !value.trim().is_empty());
        let (mut added, mut told, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
        let mut add = |url: &str, whence: &str| -> Result<(), UsageError> {
            let index = read(url, whence)?;
            told.push(format!("extra index: {index} ({whence})"));
            added.push(Arc::new(index));
            Ok(())
        };
        if extra.is_empty() {
            let found = EXTRA_VARIABLES.iter().find_map(|name| Some((*name, variable(name)?)));
            if let Some((name, value)) = found {
                for url in value.split_whitespace() {
                    add(url, name)?;
                }
            }
        }
        for urls in extra {
            let whence = whence("--extra-index-url", "DEPOT_EXTRA_INDEX_URL", urls, own_extra.as_deref());
            for url in urls.split_whitespace() {
                add(url, whence)?;
            }
        }
        for ListedIndex { url, place } in &lists.extra_indexes {
            add(url, &place.to_string())?;
        }
        let from_environment = MAIN_VARIABLES.iter().find_map(|name| Some((*name, variable(name)?)));
        let overruled = |by: &str| {
            lists.index.as_ref().map(|listed| {
                format!("{}: `--index-url` is not used, because {by} names another index", listed.place)
            })
        };
        let (url, whence) = match (main, from_environment, &lists.index) {
            (Some(url), ..) => {
                warnings.extend(overruled("the command line or DEPOT_INDEX_URL"));
                (
                    url.to_owned(),
                    whence("--index-url", "DEPOT_INDEX_URL", url, own_main.as_deref()).to_owned(),
                )
            }
            (None, Some((name, value)), _) => {
                warnings.extend(overruled(name));
                (value, name.to_owned())
            }
            (None, None, Some(ListedIndex { url, place })) => (url.clone(), place.to_string()),
            (None, None, None) => (DEFAULT_INDEX.to_owned(), DEFAULT.to_owned()),
        };
        let main = read(&url, &whence)?;
        let is_default = added.is_empty() && whence == DEFAULT;
        told.push(format!("index: {main} ({whence})"));
        let (statuses, carried) = (Statuses::default(), Carried::default());
        Ok(Self { extra: added, main: Arc::new(main), is_default, statuses, carried, told, warnings })
    }

    /// The main index.
    pub(super) fn main(&self) -> &IndexUrl {
        &self.main
    }

    /// The same, to keep.
    pub(super) fn main_index(&self) -> Arc<IndexUrl> {
        Arc::clone(&self.main)
    }

    /// Whether neither a flag nor the environment nor a list chose an index.
    pub(super) fn is_default(&self) -> bool {
        self.is_default
    }

    /// The others, in the order of asking.
    pub(super) fn extra(&self) -> &[Arc<IndexUrl>] {
        &self.extra
    }

    /// All of them, in the order of asking.
    pub(super) fn asked(&self) -> impl Iterator<Item = &Arc<IndexUrl>> {
        self.extra.iter().chain([&self.main])
    }

    /// The page of a project, from the first index that has it. Only "it is not there" leads to the next index: one that
    /// refuses or fails may have it, and another must not answer in its place.
    pub(super) async fn project(
        &self,
        client: &Client,
        project: &ProjectName,
    ) -> Result<(Arc<IndexUrl>, ProjectPage), NoListing> {
        for index in self.asked() {
            match client.project(index, project).await {
                Ok(page) => {
                    self.note(index, &page).await;
                    return Ok((Arc::clone(index), page));
                }
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(NoListing::Failed(explain(&anyhow::Error::from(error)))),
            }
        }
        Err(self.absent(project))
    }

    /// Notes what a page says beside what is chosen from it.
    pub(super) async fn note(&self, index: &Arc<IndexUrl>, page: &ProjectPage) {
        self.statuses.note(page);
        self.carried.note(index, page).await;
    }

    /// That none of them has a project.
    pub(super) fn absent(&self, project: &ProjectName) -> NoListing {
        let names: Vec<_> = self.asked().map(ToString::to_string).collect();
        NoListing::Absent(format!("there is no project `{project}` in {}", names.join(" or ")))
    }
}

fn read(text: &str, whence: &str) -> Result<IndexUrl, UsageError> {
    without_name(text).parse().map_err(|error| UsageError(format!("{error} ({whence})")))
}

/// The URL of an index that uv's variables may give a name: `company=https://...`.
fn without_name(text: &str) -> &str {
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    match text.trim().split_once('=') {
        Some((name, url)) if !name.is_empty() && is_name(name) => url,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::inputs::Place;

    fn listed(url: &str) -> ListedIndex {
        ListedIndex { url: url.to_owned(), place: Place::Stdin(1) }
    }

    fn order(
        main: Option<&str>,
        extra: &[&str],
        variables: &[(&str, &str)],
        lists: &Asked,
    ) -> Result<Vec<String>, UsageError> {
        let extra: Vec<_> = extra.iter().map(ToString::to_string).collect();
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let indexes = Indexes::choose(main, &extra, lists, &variable)?;
        assert_eq!(indexes.asked().count(), indexes.told.len());
        Ok(indexes.asked().map(|index| index.as_url().host_str().unwrap().to_owned()).collect())
    }

    #[test]
    fn a_flag_comes_before_the_environment_and_that_before_a_list_and_that_before_the_default() {
        let flag = Some("https://flag.example/simple");
        let uv = ("UV_DEFAULT_INDEX", "team=https://uv.example/simple");
        let pip = ("PIP_INDEX_URL", "https://pip.example/simple");
        let empty = ("UV_DEFAULT_INDEX", " ");
        let list = Asked { index: Some(listed("https://list.example/")), ..Asked::default() };
        let none = Asked::default();
        for (main, variables, lists, expected) in [
            (flag, &[uv, pip][..], &list, "flag.example"),
            (None, &[pip, uv], &list, "uv.example"),
            (None, &[empty, pip], &list, "pip.example"),
            (None, &[], &list, "list.example"),
        ] {
            assert_eq!(order(main, &[], variables, lists).unwrap(), [expected]);
        }
        assert!(DEFAULT_INDEX.contains(&order(None, &[], &[], &none).unwrap()[0]));
        let unused = Indexes::choose(flag, &[], &list, &|_| None).unwrap();
        assert!(unused.warnings[0].contains("standard input, line 1: `--index-url` is not used"));
    }

    #[test]
    fn extra_indexes_are_asked_first_and_in_their_order() {
        let main = Some("https://main.example/");
        let list = Asked { extra_indexes: vec![listed("https://list.example/")], ..Asked::default() };
        let uv = ("UV_INDEX", "a=https://a.example/  https://b.example/");
        let pip = ("PIP_EXTRA_INDEX_URL", "https://c.example/");
        let spaced = " https://e.example/  https://f.example/ ";
        for (extra, variables, expected) in [
            (&[spaced][..], &[uv][..], &["e.example", "f.example", "list.example", "main.example"][..]),
            (&[][..], &[uv, pip][..], &["a.example", "b.example", "list.example", "main.example"][..]),
            (&[], &[pip], &["c.example", "list.example", "main.example"]),
            (&["https://e.example/"], &[uv, pip], &["e.example", "list.example", "main.example"]),
        ] {
            assert_eq!(order(main, extra, variables, &list).unwrap(), expected);
        }
    }

    #[test]
    fn a_url_that_cannot_be_read_says_whence_it_came_and_not_what_it_was() {
        let error =
            order(None, &[], &[("PIP_INDEX_URL", "ftp://me:secret@index.example/")], &Asked::default());
        let error = error.unwrap_err().to_string();
        assert!(error.contains("PIP_INDEX_URL") && !error.contains("secret"), "{error}");
    }
}
