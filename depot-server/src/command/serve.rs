//! `depot-server serve`.

mod sources;

use std::{pin::pin, sync::Arc, time::Duration};

use anyhow::Context as _;
use depot_proto::accounts::WARN_DAYS;

use super::{args::ServeArgs, say};
use crate::{
    app::{Depot, OpenError},
    config::{self, Config, Transport},
    descriptors::{self, Shares},
    listen::{self, Edge, tls::Tls},
    store::records::TokenRecord,
    telemetry,
};

pub(super) fn serve(args: ServeArgs) -> anyhow::Result<()> {
    let settings = args.given.settings()?;
    telemetry::start(&settings.log.level.0, settings.log.format)?;
    match &settings.file {
        Some(file) => say(&format!("depot-server: configuration {}", file.display())),
        None => say(&format!("depot-server: no configuration file, as there is no {}", config::DEFAULT_NAME)),
    }
    match config::weaknesses(&settings).len() {
        0 => {}
        1 => say("depot-server: one setting is weaker than recommended: `depot-server config` says which"),
        many => {
            say(&format!(
                "depot-server: {many} settings are weaker than recommended: `depot-server config` lists them"
            ));
        }
    }
    let config = sources::served(settings.config(), &args.sources, args.stream_http_resources)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(run(config));
    // Reads of cold files may still be under way; nobody waits for them any more.
    runtime.shutdown_background();
    done
}

async fn run(config: Config) -> anyhow::Result<()> {
    // Asked for before anything else, so that no signal is missed from here on.
    let stop = stop_signal()?;
    say(&format!("depot-server: data directory {}", config.data_dir.display()));
    let address = config.address();
    // Before anything is made: a port that is taken should leave no trace. Who connects early waits.
    let listener = listen::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    let tls = match &config.transport {
        Transport::Tls(files) => Some(Arc::new(Tls::open(files.clone())?)),
        Transport::Plain | Transport::Proxy { .. } => None,
    };
    descriptors::raise();
    let wire = config.wire.clone();
    let opening = tokio::task::spawn_blocking(move || {
        let depot = Depot::open(config)?;
        depot.warm();
        depot.watch.tell_exceptions()?;
        Ok::<_, OpenError>(depot)
    });
    let mut stop = pin!(stop);
    let depot = tokio::select! {
        depot = opening => depot??,
        // Whatever is under way there, the next start finishes or begins again.
        () = &mut stop => return Ok(()),
    };
    let depot = Arc::new(depot);
    say(&format!("depot-server: administrator's token in {}", depot.config.admin_token().display()));
    let address = listener.local_addr()?;
    #[cfg(unix)]
    let admin = admin_socket(&depot);
    let scheme = if tls.is_some() { "https" } else { "http" };
    say(&format!("depot-server: listening on {scheme}://{address}"));
    let group = depot.views.iter().any(|view| view.mount.is_empty());
    let mount = if group { String::new() } else { format!("/{}", depot.hosted.repository.name) };
    if group || depot.hosted.enabled {
        say(&format!("depot-server: pip install --index-url {scheme}://{address}{mount}/simple/ ..."));
    }
    if !depot.hosted.enabled {
        say("depot-server: the repository `python` is not enabled, and answers nothing");
    }
    if let Some(tls) = &tls {
        tokio::spawn(Arc::clone(tls).renew());
    }
    let preparing = Arc::clone(&depot);
    tokio::spawn(async move { preparing.prepare().await });
    let listing = Arc::clone(&depot);
    tokio::task::spawn_blocking(move || listing.warm_views());
    let warning = tokio::spawn(warn_of_ends(Arc::clone(&depot)));
    let watching = tokio::spawn(watch(Arc::clone(&depot)));
    let connections = wire.connections.min(Shares::now().connections);
    let finished = listen::serve(listener, depot.site(), Edge { connections, wire, tls }, stop).await;
    warning.abort();
    watching.abort();
    #[cfg(unix)]
    if let Some(admin) = admin {
        admin.abort();
        // The next start removes one that is left.
        let _ = std::fs::remove_file(depot.config.admin_socket());
    }
    if !finished {
        tracing::warn!("requests that took too long were cut off");
    }
    tokio::task::spawn_blocking(move || depot.close()).await?;
    say("depot-server: stopped");
    Ok(())
}

/// Does something again and again that may block, and waits for so long in between.
async fn repeat(depot: Arc<Depot>, wait: Duration, what: fn(&Depot)) {
    loop {
        let depot = Arc::clone(&depot);
        // One that panicked was logged when it did.
        let _ = tokio::task::spawn_blocking(move || what(&depot)).await;
        tokio::time::sleep(wait).await;
    }
}

/// Watches for what nobody may ask about for long: rules that changed, and names that are owned by now. Each by itself, as
/// one may take long.
async fn watch(depot: Arc<Depot>) {
    let repeat = |seconds, what| repeat(Arc::clone(&depot), Duration::from_secs(seconds), what);
    tokio::join!(
        repeat(1, |depot| depot.watch.look_at_files()),
        repeat(2, |depot| {
            if let Err(error) = depot.watch.tell_exceptions() {
                tracing::error!(%error, "the journal cannot be told which exceptions of policies hold");
            }
        }),
        repeat(600, |depot| depot.watch.look_around()),
    );
}

/// How many tokens one line each is spent on.
const NAMED: usize = 20;

/// Says which tokens end soon, now and each day.
async fn warn_of_ends(depot: Arc<Depot>) {
    loop {
        let ending = depot.tokens.ending(WARN_DAYS);
        for token in ending.iter().take(NAMED) {
            let TokenRecord { id, subject, name, expires, .. } = &**token;
            tracing::warn!(id, user = subject, name, %expires, "a token ends soon: issue another to who needs it");
        }
        if ending.len() > NAMED {
            tracing::warn!(
                tokens = ending.len() - NAMED,
                "more tokens end soon: see `depot-server token list`"
            );
        }
        tokio::time::sleep(Duration::from_hours(24)).await;
    }
}

/// Answers the admin verbs. A server whose socket cannot be bound, because the path is too long for one, serves all the
/// same.
#[cfg(unix)]
fn admin_socket(depot: &Arc<Depot>) -> Option<tokio::task::JoinHandle<()>> {
    let path = depot.config.admin_socket();
    match crate::admin::socket::bind(&path, &depot.config.state()) {
        Ok(socket) => Some(tokio::spawn(crate::admin::socket::serve(socket, Arc::clone(depot)))),
        Err(error) => {
            let path = path.display();
            tracing::warn!(%path, %error, "the admin verbs work only while this server is stopped");
            None
        }
    }
}

/// Done when the process is told to stop.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            say("depot-server: stopping; requests under way may finish");
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        // Without a signal to wait for the server runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
