//! How much memory pages take: what is remembered of them is bounded by it.

use depot_proto::{
    Yanked,
    simple::{PageFile, ProjectPage, SkippedFile},
};

/// A map that is not empty has room for this many digests, and for more in steps.
const DIGESTS: usize = 11;

/// The memory that a page takes, in bytes, roughly.
pub(super) fn of_page(page: &ProjectPage) -> usize {
    let files: usize = page.files.iter().map(of_file).sum();
    let versions: usize = page.versions.iter().map(|version| size_of::<String>() + version.len()).sum();
    let skipped: usize =
        page.skipped.iter().map(|file| size_of::<SkippedFile>() + file.what.len() + file.reason.len()).sum();
    size_of::<ProjectPage>() + page.status_reason.as_ref().map_or(0, String::len) + files + versions + skipped
}

fn of_file(file: &PageFile) -> usize {
    let digests: usize = file.hashes.iter().map(|(algorithm, digest)| algorithm.len() + digest.len()).sum();
    let room = file.hashes.len().div_ceil(DIGESTS) * DIGESTS * 2 * size_of::<String>();
    let texts = [&file.requires_python, &file.provenance];
    let texts: usize = texts.into_iter().flatten().map(String::len).sum();
    let reason = if let Yanked::Because(reason) = &file.yanked { reason.len() } else { 0 };
    size_of::<PageFile>() + file.filename.len() + file.url.len() + digests + room + texts + reason
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_long_text_of_a_page_weighs() {
        let long = "x".repeat(100_000);
        let mut page = ProjectPage::new("tea".parse().unwrap());
        page.files.push(PageFile::default());
        let bare = of_page(&page);
        let with = |change: &dyn Fn(&mut ProjectPage)| {
            let mut page = page.clone();
            change(&mut page);
            of_page(&page)
        };
        let heavy = [
            with(&|page| page.status_reason = Some(long.clone())),
            with(&|page| page.versions.push(long.clone())),
            with(&|page| page.skipped.push(SkippedFile { what: long.clone(), reason: String::new() })),
            with(&|page| page.files[0].filename.clone_from(&long)),
            with(&|page| page.files[0].url.clone_from(&long)),
            with(&|page| page.files[0].requires_python = Some(long.clone())),
            with(&|page| page.files[0].provenance = Some(long.clone())),
            with(&|page| page.files[0].yanked = Yanked::Because(long.clone())),
            with(&|page| _ = page.files[0].hashes.insert("sha256".to_owned(), long.clone())),
            with(&|page| page.files.extend(vec![PageFile::default(); 1_000])),
        ];
        for (at, weight) in heavy.into_iter().enumerate() {
            assert!(weight >= bare + 100_000, "{at}: {weight}");
        }
    }
}
