//! Fetching a file: once for all who ask, verified, and kept.

use std::{
    fs::File,
    io::{Seek as _, SeekFrom},
    sync::{Arc, PoisonError},
};

use depot_dist::{DistError, Limits};
use depot_index::Downloaded;
use depot_proto::{
    DistributionFilename, DistributionKind, FileRecord, Sha256Digest,
    layout::Part,
    simple::{MetadataMark, PageFile},
};
use depot_tree::{Incoming, Published, Sealed, TreeError};

use super::{
    Proxy, digests::Digests, error::ProxyError, flight::Flight, kept::Look, pace::Pace, upstream::Kind,
    upstream_facts, writer::Writer,
};
use crate::{clock, python::files::Served};

/// What a file is fetched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be kept.
    Keep,
    /// For its metadata alone, where files are not kept.
    Metadata,
}

impl Proxy {
    /// The flight of a file: the one that is under way, or one that begins now, in a task of its own.
    pub(super) fn fetch(
        self: &Arc<Self>,
        filename: &DistributionFilename,
        file: PageFile,
        purpose: Purpose,
    ) -> Arc<Flight> {
        let key = format!("{}/{filename}", filename.project());
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&key) {
            return Arc::clone(flight);
        }
        let flight = Arc::new(Flight::new(filename.as_str()));
        flights.insert(key.clone(), Arc::clone(&flight));
        drop(flights);
        let landing = Landing { proxy: Arc::clone(self), flight: Arc::clone(&flight), key };
        let filename = filename.clone();
        tokio::spawn(async move {
            let Landing { proxy, flight, .. } = &landing;
            match proxy.land(&filename, file, flight, purpose).await {
                Ok(kept) => flight.landed(kept),
                Err(error) => {
                    tracing::warn!(%filename, %error, "a file could not be fetched");
                    flight.failed(error);
                }
            }
        });
        flight
    }

    async fn land(
        self: &Arc<Self>,
        filename: &DistributionFilename,
        file: PageFile,
        flight: &Arc<Flight>,
        purpose: Purpose,
    ) -> Result<Option<Arc<Served>>, ProxyError> {
        // It may have landed between the look of who asks and the beginning of this.
        let heals = match self.look(filename, Part::Bytes).await? {
            Look::Here(served) if purpose == Purpose::Keep => return Ok(Some(served)),
            look => matches!(look, Look::Damaged),
        };
        let (this, project, following) = (Arc::clone(self), filename.project().clone(), Arc::clone(flight));
        let size = file.size;
        let pace = Pace::begin(self.settings.pace);
        let begun =
            tokio::task::spawn_blocking(move || Writer::begin(&this.tree, &project, following, size, pace))
                .await;
        let mut writer = begun
            .map_err(|_| ProxyError::broken_off(&flight.what))?
            .map_err(|error| ProxyError::disk(&flight.what, error))?;
        let (file, downloaded) = self.download(filename, file, &mut writer).await?;
        let is_known = !Digests::listed(&file.hashes).is_empty();
        let is_sure = file.sha256().is_some() || (writer.is_sized && !is_known);
        let incoming = writer.finish(&downloaded).await?;
        if is_sure {
            flight.verified(downloaded.size);
        }
        let (this, filename, flight) = (Arc::clone(self), filename.clone(), Arc::clone(flight));
        let published = tokio::task::spawn_blocking(move || {
            let landed = Landed { filename: &filename, file: &file, flight: &flight, heals, is_sure };
            this.publish(&landed, incoming, purpose)
        });
        published.await.map_err(|_| ProxyError::broken_off("a file"))?
    }

    /// Downloads a file; from where its page says that it is now, if it is not there any more.
    async fn download(
        self: &Arc<Self>,
        filename: &DistributionFilename,
        file: PageFile,
        writer: &mut Writer,
    ) -> Result<(PageFile, Downloaded), ProxyError> {
        if let Some(downloaded) = self.download_from(&file, writer).await? {
            return Ok((file, downloaded));
        }
        let missing = || ProxyError::Missing { what: filename.to_string() };
        let kept = self.kept_entry(filename.project()).await?;
        let (entry, _) = self.renewed(filename.project(), kept).await?.ok_or_else(missing)?;
        let moved = entry.file(filename).filter(|moved| moved.url != file.url).ok_or_else(missing)?;
        let downloaded = self.download_from(&moved, writer).await?.ok_or_else(missing)?;
        Ok((moved, downloaded))
    }

    async fn download_from(
        &self,
        file: &PageFile,
        writer: &mut Writer,
    ) -> Result<Option<Downloaded>, ProxyError> {
        let index = &self.upstream.index;
        let sink = &mut *writer;
        let question = async move |client: depot_index::Client| client.download(index, file, sink).await;
        let answer = self.upstream.ask(Kind::File, &file.filename, None, question).await;
        answer.map_err(|error| writer.failure.take().unwrap_or(error))
    }

    /// Keeps a file that came. May block.
    fn publish(
        &self,
        landed: &Landed<'_>,
        incoming: Incoming,
        purpose: Purpose,
    ) -> Result<Option<Arc<Served>>, ProxyError> {
        let Landed { filename, flight, .. } = landed;
        let disk = |error| ProxyError::disk(filename.as_str(), error);
        let mut sealed = incoming.seal().map_err(disk)?;
        let digests = Digests::listed(&landed.file.hashes);
        let is_known = !digests.is_empty();
        if is_known {
            check(filename, digests, sealed.reader().map_err(disk)?)?;
            flight.verified(sealed.size());
        }
        let reader = sealed.reader().map_err(disk)?;
        let read = depot_dist::read(reader, filename, &Limits::default());
        if !landed.is_sure && !is_known {
            // Nobody said how long it is or what it hashes to: it is whole if it can be read as what it is.
            if let Err(error) = &read
                && !matches!(error, DistError::Unsupported { .. })
            {
                let (what, reason) = (filename.to_string(), error.to_string());
                return Err(ProxyError::Damaged { what, reason });
            }
            flight.verified(sealed.size());
        }
        let metadata = match read {
            Ok(contents) => Some(contents),
            Err(error) => {
                tracing::debug!(%filename, %error, "a file is kept without metadata");
                None
            }
        };
        let requires_python = metadata.as_ref().and_then(|read| read.metadata.requires_python.clone());
        let is_wheel = filename.kind() == DistributionKind::Wheel;
        let metadata = metadata.map(|read| read.raw_metadata).filter(|_| is_wheel);
        if purpose == Purpose::Metadata {
            self.keep_metadata(filename, landed.file, metadata.as_deref());
            return Ok(None);
        }
        let mut record = self.record(landed.file, &sealed);
        record.facts.requires_python = record.facts.requires_python.or(requires_python);
        record.core_metadata = metadata.as_deref().map(Sha256Digest::of);
        self.put(landed, &sealed, &record, metadata.as_deref()).map_err(disk)?;
        let Look::Here(served) = self.kept.look(&self.tree, filename, Part::Bytes)? else {
            let reason = "other bytes were kept under its name first".to_owned();
            return Err(ProxyError::Damaged { what: filename.to_string(), reason });
        };
        let is_told = record.core_metadata.map(MetadataMark::Sha256) == Some(landed.file.core_metadata);
        if let (MetadataMark::Sha256(_), Some(metadata), false) =
            (landed.file.core_metadata, &metadata, is_told)
        {
            // What is listed is not what is in it, and would be listed again once it had to go.
            self.keep_beside(filename, landed.file, metadata);
        }
        if landed.file.sha256().is_none() || landed.file.size.is_none() || (is_wheel && !is_told) {
            self.learnt(filename.project());
        }
        self.room.took(self, sealed.size());
        Ok(Some(served))
    }

    fn record(&self, file: &PageFile, sealed: &Sealed) -> FileRecord {
        let mut record = FileRecord::new(&file.filename, sealed.sha256(), sealed.size());
        let facts = upstream_facts(self.upstream.address(), file);
        record.facts_digest = Some(facts.digest());
        record.facts = facts;
        record.first_seen = Some(clock::now());
        record
    }

    fn put(
        &self,
        landed: &Landed<'_>,
        sealed: &Sealed,
        record: &FileRecord,
        metadata: Option<&[u8]>,
    ) -> Result<(), TreeError> {
        let filename = landed.filename;
        match self.tree.publish(sealed, record, metadata)? {
            Published::Same(_) if landed.heals => {
                self.kept.let_go(filename);
                self.tree.repair(sealed, filename.as_str())?;
            }
            Published::Created | Published::Same(_) => {}
            Published::Conflict(kept) => {
                let bytes = (kept.sha256, sealed.sha256());
                self.settings.alarms.changed_bytes(&self.name, filename.as_str(), bytes);
            }
        }
        Ok(())
    }
}

/// Refuses a file that is not what its index lists it by. May block.
fn check(filename: &DistributionFilename, digests: Digests, file: &mut File) -> Result<(), ProxyError> {
    let what = filename.to_string();
    let broken = |source| {
        ProxyError::disk(&what, TreeError::Io { what: "read", path: filename.as_str().into(), source })
    };
    file.seek(SeekFrom::Start(0)).map_err(broken)?;
    match digests.mismatch_of(&mut *file).map_err(broken)? {
        None => Ok(()),
        Some(digest) => {
            Err(ProxyError::Damaged { what, reason: format!("its {digest} is not the one that is listed") })
        }
    }
}

/// A file that came whole.
struct Landed<'a> {
    filename: &'a DistributionFilename,
    file: &'a PageFile,
    flight: &'a Flight,
    /// Whether what is kept of it is spoiled.
    heals: bool,
    /// Whether it is known to be whole.
    is_sure: bool,
}

/// Takes a flight out of the list however it ends.
struct Landing {
    proxy: Arc<Proxy>,
    flight: Arc<Flight>,
    key: String,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.proxy.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
        self.flight.failed(ProxyError::broken_off(&self.flight.what));
    }
}
