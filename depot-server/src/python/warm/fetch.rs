//! Having files here.

use std::sync::Arc;

use depot_proto::{DistributionFilename, DistributionKind, layout::Part};
use futures_util::stream::{self, StreamExt as _};

use super::{AT_ONCE, Failure, Run, WarmFile, Warmed};
use crate::python::{
    files::Served,
    proxy::Fetched,
    view::{
        Readable, View,
        member::{Opened, Wanted},
    },
};

/// A part of a file, and whether it was fetched for this; none if there is no such part. It stays here.
pub(super) async fn here(
    view: &Arc<View>,
    filename: &DistributionFilename,
    part: Part,
    readable: Readable,
) -> Result<Option<(Arc<Served>, bool)>, String> {
    let opened =
        view.open(filename, part, Wanted::Bytes, readable).await.map_err(|error| error.to_string())?;
    match opened {
        None => Ok(None),
        Some((_, Opened::Here(served) | Opened::Fetched(Fetched::Here(served)))) => Ok(Some((served, false))),
        Some((_, Opened::Fetched(Fetched::Now(served)))) => Ok(Some((served, true))),
        Some((_, Opened::Fetched(Fetched::Coming(coming)))) => {
            let served = coming.finished().await.map_err(|error| error.to_string())?;
            Ok(Some((served, true)))
        }
        Some((of, Opened::Fetched(Fetched::Streamed(_) | Fetched::Elsewhere(_) | Fetched::Described(_)))) => {
            Err(format!("`{of}` keeps no files: set `files = \"cache\"` to have them here"))
        }
    }
}

impl Run {
    /// Has all files here that were chosen, and says what came of everything.
    pub(super) async fn finish(mut self) -> Warmed {
        let wanted = std::mem::take(&mut self.wanted);
        let (view, readable, say) = (&self.view, self.readable, &self.say);
        let count = wanted.len();
        say(format!("{count} files are wanted"));
        let fetching = wanted.into_values().map(|filename| async move {
            let had = here(view, &filename, Part::Bytes, readable).await;
            if had.is_ok() && filename.kind() == DistributionKind::Wheel {
                // Some installers ask for it first. Where there is none they take the file.
                let _ = here(view, &filename, Part::Metadata, readable).await;
            }
            if let Ok(Some((served, true))) = &had {
                say(format!("fetched {filename}, {} KiB", served.size.div_ceil(1024)));
            }
            (filename, had)
        });
        let had: Vec<_> = stream::iter(fetching).buffer_unordered(AT_ONCE).collect().await;
        let mut warmed = Warmed::default();
        for (filename, had) in had {
            match had {
                Ok(Some((served, fetched))) => {
                    let fetched = fetched || self.fetched.contains(filename.as_str());
                    let versions = warmed.projects.entry(filename.project().clone()).or_default();
                    versions.insert(filename.version().to_string());
                    let size = served.size;
                    warmed.files.push(WarmFile { filename: filename.to_string(), size, fetched });
                }
                Ok(None) => self.fail(&filename, "it is listed, and is not there".to_owned()),
                Err(reason) => self.fail(&filename, reason),
            }
        }
        warmed.files.sort_by(|one, two| one.filename.cmp(&two.filename));
        let size = warmed.files.iter().map(|file| file.size).sum::<u64>();
        for (name, most) in self.view.bounds() {
            if size > most {
                self.warnings.insert(format!(
                    "the files take {size} bytes, and `{name}` keeps at most {most} (`max_size`): some of them went again"
                ));
            }
        }
        warmed.warnings = self.warnings.into_iter().collect();
        warmed.failed = self.failed.into_iter().collect();
        warmed
    }

    fn fail(&mut self, filename: &DistributionFilename, reason: String) {
        self.failed.insert(Failure { what: filename.to_string(), reason });
    }
}
