//! Which files are looked at: the smallest of each kind, so that little is downloaded.

use depot_proto::{DistributionKind, ProjectName};

use crate::doctor::{
    ask::Asker,
    listing::{Listed, Page},
};

/// How many files are asked for their sizes where the page does not tell.
const ASKED: usize = 5;

/// The smallest wheel and the smallest sdist of a page.
pub(in crate::doctor) struct Picked {
    wheel: Option<Listed>,
    sdist: Option<Listed>,
}

impl Picked {
    pub(in crate::doctor) async fn of(asker: &Asker, page: &Page, project: &ProjectName) -> Self {
        let of_kind = |kind: DistributionKind| {
            page.files
                .iter()
                .filter(move |file| file.parsed(project).is_some_and(|name| name.kind() == kind))
                .filter(|file| file.url.is_some())
                .collect::<Vec<_>>()
        };
        let mut wheels = of_kind(DistributionKind::Wheel);
        // Those with metadata are looked at for it.
        if wheels.iter().any(|wheel| wheel.mark.is_some()) {
            wheels.retain(|wheel| wheel.mark.is_some());
        }
        let wheel = smallest(asker, &wheels).await;
        let sdist = smallest(asker, &of_kind(DistributionKind::Sdist)).await;
        Self { wheel, sdist }
    }

    pub(in crate::doctor) fn both(&self) -> impl Iterator<Item = &Listed> {
        [&self.wheel, &self.sdist].into_iter().flatten()
    }
}

async fn smallest(asker: &Asker, files: &[&Listed]) -> Option<Listed> {
    let known = files.iter().filter_map(|file| Some((file.size?, *file))).min_by_key(|(size, _)| *size);
    if let Some((_, file)) = known {
        return Some(file.clone());
    }
    let mut best: Option<(u64, &Listed)> = None;
    for file in files.iter().rev().take(ASKED) {
        let Some(url) = &file.url else { continue };
        let size = asker.head(url).send().await.content_length().unwrap_or(u64::MAX);
        if best.is_none_or(|(other, _)| size < other) {
            best = Some((size, *file));
        }
    }
    best.map(|(_, file)| file.clone())
}
