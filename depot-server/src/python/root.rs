//! The root page, the list of all projects: kept in stretches of some hundred names, so that a project more costs one
//! stretch and not the whole. There is no zstd of it: not every reader takes a stream that is made of stretches.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use depot_proto::{ProjectName, RepositoryName, Sha256Digest, media_type::PageFormat, simple};

use super::pages::etag;
use crate::{
    coding::{
        Coding,
        stretches::{self, Stretch},
    },
    service::names::{Names, Since},
};

/// The names in a stretch, more or less: it is cut in two when it has twice as many.
const STRETCH: usize = 400;

/// A rendered list in one form and one coding.
#[derive(Clone, Debug)]
pub(crate) struct RootPage {
    /// The bytes, in pieces.
    pub(crate) pieces: Arc<[Bytes]>,
    /// Their number.
    pub(crate) len: u64,
    /// The coding.
    pub(crate) coding: Coding,
    /// The strong validator of exactly these bytes.
    pub(crate) etag: Bytes,
    /// What they are.
    pub(crate) format: PageFormat,
}

/// The list of the projects of one repository or view, in all its forms.
#[derive(Default)]
pub(crate) struct Roots {
    json: Root,
    html: Root,
}

/// One rendering of the list; the two names of HTML share theirs.
#[derive(Default)]
struct Root {
    ready: RwLock<Option<Ready>>,
    builder: Mutex<Builder>,
}

/// Every representation of the list as it was at one version of the names.
#[derive(Clone)]
struct Ready {
    version: u64,
    pages: Vec<Arc<RootPage>>,
}

impl Ready {
    fn page(&self, format: PageFormat, coding: Coding) -> Option<Arc<RootPage>> {
        self.pages.iter().find(|page| page.format == format && page.coding == coding).cloned()
    }
}

impl Roots {
    fn of(&self, format: PageFormat) -> &Root {
        if format == PageFormat::Json { &self.json } else { &self.html }
    }

    /// The list, if it is rendered as it is now.
    pub(crate) fn cached(
        &self,
        names: &Names,
        of: &RepositoryName,
        format: PageFormat,
        coding: Coding,
    ) -> Option<Arc<RootPage>> {
        let version = names.version(of);
        let ready = self.of(format).ready.read().unwrap_or_else(PoisonError::into_inner);
        ready.as_ref().filter(|ready| ready.version == version)?.page(format, coding)
    }

    /// The list, brought up to what it is now if need be. May block.
    pub(crate) fn page(
        &self,
        names: &Names,
        of: &RepositoryName,
        format: PageFormat,
        coding: Coding,
    ) -> Option<Arc<RootPage>> {
        let root = self.of(format);
        let mut builder = root.builder.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever had the builder before may have done it.
        if let Some(page) = self.cached(names, of, format, coding) {
            return Some(page);
        }
        let version = builder.bring_up(names, of, format);
        let forms = if format.is_html() { &[PageFormat::Html, PageFormat::HtmlV1][..] } else { &[format] };
        let ready = Ready { version, pages: builder.pages(forms) };
        let page = ready.page(format, coding);
        *root.ready.write().unwrap_or_else(PoisonError::into_inner) = Some(ready);
        page
    }
}

/// A list of these projects, for those who may not see the others; it is not kept.
pub(crate) fn root_of<'a>(
    projects: impl Iterator<Item = &'a ProjectName>,
    format: PageFormat,
) -> Arc<RootPage> {
    let bytes = simple::render_root(projects.map(ProjectName::as_str), None, format);
    let etag = etag(&Sha256Digest::of(&bytes), format, Coding::Identity);
    let len = bytes.len() as u64;
    Arc::new(RootPage { pieces: [bytes.into()].into(), len, coding: Coding::Identity, etag, format })
}

/// Some names that follow one another.
struct Segment {
    /// The first of them when the segment was made; the first segment also has everything before.
    from: ProjectName,
    stretch: Stretch,
    digest: Sha256Digest,
}

impl Segment {
    fn new(names: &[ProjectName], format: PageFormat, follow_others: bool) -> Option<Self> {
        let from = names.first()?.clone();
        let texts = names.iter().map(ProjectName::as_str);
        let plain = simple::render_root_entries(texts, format, follow_others);
        let digest = Sha256Digest::of(&plain);
        Some(Self { from, stretch: Stretch::new(plain), digest })
    }
}

/// The list in segments, as it was at some version of the names.
#[derive(Default)]
struct Builder {
    version: u64,
    /// Before and after the names; none before the list is first built.
    around: Option<(Stretch, Stretch)>,
    segments: Vec<Segment>,
}

impl Builder {
    /// Renders what has changed since the last time; the version that the list is of now.
    fn bring_up(&mut self, names: &Names, of: &RepositoryName, format: PageFormat) -> u64 {
        let (version, since) = names.since(of, self.version);
        match since {
            Since::Changed(changed) if self.around.is_some() => self.renew(names, of, format, &changed),
            _ => self.build(&names.list(of), format),
        }
        self.version = version;
        version
    }

    fn build(&mut self, names: &[ProjectName], format: PageFormat) {
        let chunks = names.chunks(STRETCH).enumerate();
        self.segments = chunks.filter_map(|(index, names)| Segment::new(names, format, index > 0)).collect();
        let head = Stretch::new(simple::render_root_head(format, None));
        self.around = Some((head, Stretch::new(simple::render_root_tail(format, None))));
    }

    fn renew(&mut self, names: &Names, of: &RepositoryName, format: PageFormat, changed: &[ProjectName]) {
        let position =
            |name: &ProjectName| self.segments.partition_point(|segment| segment.from <= *name).max(1) - 1;
        let mut places: Vec<usize> = changed.iter().map(position).collect();
        places.sort_unstable();
        places.dedup();
        // From the end, so that a segment that is cut in two or goes moves none that is still to come.
        for place in places.into_iter().rev() {
            let from = self.segments.get(place).filter(|_| place > 0).map(|segment| segment.from.clone());
            let to = self.segments.get(place + 1).map(|segment| segment.from.clone());
            let stretch = names.stretch(of, from.as_ref(), to.as_ref());
            let parts = if stretch.len() > 2 * STRETCH { stretch.len().div_ceil(STRETCH) } else { 1 };
            let chunks = stretch.chunks(stretch.len().div_ceil(parts).max(1)).enumerate();
            let renewed: Vec<Segment> =
                chunks.filter_map(|(index, names)| Segment::new(names, format, place + index > 0)).collect();
            if renewed.is_empty() && place == 0 {
                // The one that now comes first began as one that follows.
                return self.build(&names.list(of), format);
            }
            let end = (place + 1).min(self.segments.len());
            self.segments.splice(place..end, renewed);
        }
    }

    /// Every representation in these forms, which are alike but for their name.
    fn pages(&self, forms: &[PageFormat]) -> Vec<Arc<RootPage>> {
        let Some((head, tail)) = &self.around else { return Vec::new() };
        let stretches = || {
            let segments = self.segments.iter().map(|segment| &segment.stretch);
            std::iter::once(head).chain(segments).chain([tail])
        };
        let around = [Sha256Digest::of(&head.plain), Sha256Digest::of(&tail.plain)];
        let digests = around.iter().chain(self.segments.iter().map(|segment| &segment.digest));
        let digests: Vec<u8> = digests.flat_map(Sha256Digest::as_bytes).copied().collect();
        let digest = Sha256Digest::of(&digests);
        let plain: Arc<[Bytes]> = stretches().map(|stretch| stretch.plain.clone()).collect();
        let gzip: Arc<[Bytes]> = stretches::gzip(stretches()).into();
        let of = |format: PageFormat, coding, pieces: &Arc<[Bytes]>| {
            let len = pieces.iter().map(|piece| piece.len() as u64).sum();
            let (pieces, etag) = (Arc::clone(pieces), etag(&digest, format, coding));
            Arc::new(RootPage { pieces, len, coding, etag, format })
        };
        let both =
            |format: &PageFormat| [of(*format, Coding::Identity, &plain), of(*format, Coding::Gzip, &gzip)];
        forms.iter().flat_map(both).collect()
    }
}
