//! The numbers of an opened server.

use std::sync::Arc;

use depot_proto::scope::Action;

use super::{Depot, trusted_proxies};
use crate::{
    clock,
    http::metrics::{Exposition, MetricsState, Type::Counter, Type::Gauge},
    python::proxy::{Counts, Proxy},
    service::{alarms::Alarms, commit::Committer},
};

impl Depot {
    /// What the door of the numbers knows.
    pub(super) fn metrics(&self) -> MetricsState {
        let (tally, committer, alarms) =
            (Arc::clone(&self.watch.tally), Arc::clone(&self.committer), Arc::clone(&self.watch.alarms));
        let statistics = self.hosted.statistics.clone();
        let (proxies, started) = (self.watch.proxies.clone(), self.watch.started);
        let write = move |exposition: &mut Exposition| {
            exposition.metric(
                "depot_build_info",
                Gauge,
                "The version of the server.",
                [([("version", env!("CARGO_PKG_VERSION"))], 1)],
            );
            let seconds = |micros: i64| u64::try_from(micros / 1_000_000).unwrap_or(0);
            exposition.number(
                "depot_start_time_seconds",
                Gauge,
                "When the server started, in seconds since 1970.",
                seconds(started.micros()),
            );
            exposition.number(
                "depot_uptime_seconds",
                Gauge,
                "For how long it has been running.",
                seconds(clock::now().micros() - started.micros()),
            );
            let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().zip(tally.read());
            exposition.metric(
                "depot_requests_total",
                Counter,
                "Requests that were answered, by the class of their status.",
                classes.map(|(class, count)| ([("status", class)], count)),
            );
            changes(exposition, &committer);
            if let Some(statistics) = &statistics {
                exposition.number(
                    "depot_downloads_total",
                    Counter,
                    "Files that were downloaded whole, counted a few seconds later.",
                    statistics.total(),
                );
            }
            of_proxies(exposition, &proxies);
            of_alarms(exposition, &alarms);
        };
        let (readers, name) = (self.config.metrics_for_readers, self.hosted.repository.name.clone());
        let anonymous_read = self.config.anonymous_read;
        MetricsState {
            write: Box::new(write),
            may_see: Box::new(move |principal| {
                readers && (anonymous_read || principal.may_everywhere(&[Action::Read], &name))
            }),
            trusted: trusted_proxies(&self.config),
        }
    }
}

fn changes(exposition: &mut Exposition, committer: &Committer) {
    exposition.number(
        "depot_journal_serial",
        Gauge,
        "The number of the last change in the journal.",
        committer.position().serial,
    );
    exposition.number(
        "depot_takes_changes",
        Gauge,
        "Whether changes can be taken; 0 after a failure that only a new start can mend.",
        u64::from(committer.check_well().is_ok()),
    );
    exposition.number(
        "depot_published_files_total",
        Counter,
        "Files that were published or pushed here.",
        committer.published(),
    );
}

/// One of the numbers that a proxy counts.
type Counted<'a> = &'a dyn Fn(&Counts) -> u64;

fn of_proxies(exposition: &mut Exposition, proxies: &[Arc<Proxy>]) {
    let counts: Vec<_> = proxies.iter().map(|proxy| (proxy.name().as_str(), proxy.counts())).collect();
    let answers: [(&str, Counted<'_>); 4] = [
        ("hit", &|counts| counts.hits),
        ("miss", &|counts| counts.misses),
        ("revalidated", &|counts| counts.revalidated),
        ("stale", &|counts| counts.stale),
    ];
    exposition.metric(
        "depot_proxy_answers_total",
        Counter,
        "Pages and files of another index that were answered, by where they came from.",
        counts.iter().flat_map(|(name, counts)| {
            answers.iter().map(move |(word, of)| ([("repository", *name), ("cache", *word)], of(counts)))
        }),
    );
    let single: [(&str, &str, Counted<'_>); 3] = [
        ("depot_proxy_upstream_requests_total", "Questions to another index.", &|counts| counts.requests),
        (
            "depot_proxy_upstream_failures_total",
            "Questions to another index that had no good answer.",
            &|counts| counts.failures,
        ),
        ("depot_proxy_evicted_files_total", "Kept files that had to go to make room.", &|counts| {
            counts.evicted
        }),
    ];
    for (name, help, of) in single {
        let numbers = counts.iter().map(|(proxy, counts)| ([("repository", *proxy)], of(counts)));
        exposition.metric(name, Counter, help, numbers);
    }
    exposition.metric(
        "depot_proxy_left_alone",
        Gauge,
        "Whether another index is left alone for a while because it fails.",
        proxies.iter().flat_map(|proxy| {
            ["pages", "files"]
                .into_iter()
                .zip(proxy.is_left_alone())
                .map(|(what, is)| ([("repository", proxy.name().as_str()), ("for", what)], u64::from(is)))
        }),
    );
    exposition.metric(
        "depot_proxy_kept_pages",
        Gauge,
        "Pages of another index that are kept.",
        proxies.iter().map(|proxy| ([("repository", proxy.name().as_str())], proxy.kept_pages() as u64)),
    );
    exposition.metric(
        "depot_proxy_kept_bytes",
        Gauge,
        "Bytes of files of another index that are kept, once they were counted.",
        proxies
            .iter()
            .filter_map(|proxy| Some(([("repository", proxy.name().as_str())], proxy.kept_bytes()?))),
    );
}

fn of_alarms(exposition: &mut Exposition, alarms: &Alarms) {
    let counts = alarms.counts();
    exposition.metric(
        "depot_alarms_total",
        Counter,
        "Alarms: owned names that another index has, and files with other bytes than are served; the log says which.",
        counts.iter().map(|(repository, alarm, count)| {
            ([("repository", repository.as_str()), ("alarm", alarm.word())], *count)
        }),
    );
}
