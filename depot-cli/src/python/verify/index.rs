//! A tree as an index of files, for tools that install: pages that name the files where they lie, and no server.

use std::{fs, path::Path};

use anyhow::Context as _;
use depot_proto::{
    ProjectName,
    layout::Part,
    media_type::PageFormat,
    simple::{MetadataMark, ProjectPage, render_project},
};
use depot_tree::Tree;
use url::Url;

/// Writes a page for every project of the tree into this folder, and says its address. It blocks.
pub(super) fn write(tree: &Tree, folder: &Path) -> anyhow::Result<Url> {
    let root = std::path::absolute(tree.root())?;
    for project in tree.projects()? {
        let page = page(tree, &root, project)?;
        let of_project = folder.join(page.project.as_str());
        let html = render_project(&page, PageFormat::Html);
        fs::create_dir_all(&of_project)
            .and_then(|()| fs::write(of_project.join("index.html"), html))
            .with_context(|| format!("cannot write to `{}`", of_project.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot write to `{}`", folder.display()))?;
    let url = Url::from_directory_path(folder).ok();
    url.with_context(|| format!("`{}` has no address", folder.display()))
}

fn page(tree: &Tree, root: &Path, project: ProjectName) -> anyhow::Result<ProjectPage> {
    let mut page = ProjectPage::new(project);
    for filename in tree.filenames(&page.project)? {
        // What is wrong with records was said when the bytes were read.
        let Ok(Some(record)) = tree.record(&page.project, &filename) else { continue };
        let path = root.join(depot_proto::layout::file_path(&page.project, &filename, Part::Bytes));
        let Ok(url) = Url::from_file_path(&path) else { continue };
        let mut file = record.to_page_file(url.to_string());
        file.core_metadata = MetadataMark::Absent;
        file.provenance = None;
        page.files.push(file);
    }
    Ok(page)
}
