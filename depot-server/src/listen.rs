//! A site meets a port: accepting connections, bounding what they may take, and letting them finish.

mod activity;
mod date;
mod fast;
mod request;
mod timed;
pub(crate) mod tls;

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    io,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body, http::Request, response::Response};
use bytes::Bytes;
use futures_util::future::Either;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto::Builder,
        graceful::{GracefulShutdown, Watcher},
    },
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{Semaphore, watch},
    time::Instant,
};
use tower::ServiceExt as _;

use self::{
    activity::Activity,
    fast::Left,
    timed::{Noted, Timed},
    tls::Tls,
};
use crate::{
    config::WireLimits,
    http::{forwarded::Peer, strict, tally::Tally},
    python::http::hot::Hot,
};

/// The most bytes of request head that are read.
const MAX_HEAD: usize = 64 * 1024;

/// How much the system takes of an answer before it is sent, in bytes: with more a slow reader would be seen to stand
/// still for as long as it reads what was taken.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 256 * 1024;

/// How many connections the system keeps for us until they are accepted.
const BACKLOG: u32 = 4096;

/// How long requests under way may take to finish once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(30);

/// More bytes than the pings of a connection are within a window.
const LEAST: u64 = 4096;

/// How often the log is told that connections cannot be accepted.
const COMPLAIN: Duration = Duration::from_secs(10);

/// What answers: what is at hand first, and the router for everything else.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) hot: Hot,
    pub(crate) router: Router,
    /// Counts what is answered in front of the router, which counts for itself.
    pub(crate) tally: Arc<Tally>,
}

/// What a connection goes through on its way to the site.
pub(crate) struct Edge {
    /// How many connections there may be.
    pub(crate) connections: usize,
    /// How slow they may be.
    pub(crate) wire: WireLimits,
    /// TLS, unless plain http is spoken.
    pub(crate) tls: Option<Arc<Tls>>,
}

/// Binds an address.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A server that was stopped a moment ago may be started again.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stop` is done, then takes no more connections and waits for the requests under way. False if some
/// were cut off.
pub(crate) async fn serve(
    listener: TcpListener,
    site: Site,
    edge: Edge,
    stop: impl Future<Output = ()>,
) -> bool {
    let places = Arc::new(Semaphore::new(edge.connections));
    let server = Arc::new(Server { http1: http1(&edge.wire), http2: http2(&edge.wire), site, edge });
    let connections = GracefulShutdown::new();
    let (stopping, stopped) = watch::channel(false);
    let mut stop = pin!(stop);
    let mut complained: Option<Instant> = None;
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((listener.accept().await?, place))
        };
        let accepted = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok(((stream, peer), place)) => {
                let (server, watcher, stopped) =
                    (Arc::clone(&server), connections.watcher(), stopped.clone());
                tokio::spawn(async move {
                    let _place = place;
                    server.connection(stream, peer.ip(), stopped, watcher).await;
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: wait for some to come back rather than spin, or fill the log.
                if complained.is_none_or(|at| at.elapsed() >= COMPLAIN) {
                    tracing::warn!(%error, "connections cannot be accepted");
                    complained = Some(Instant::now());
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    // Those that hyper has are told by it, the others by this.
    let _ = stopping.send(true);
    tokio::time::timeout(DRAIN, connections.shutdown()).await.is_ok()
}

fn http1(wire: &WireLimits) -> Builder<TokioExecutor> {
    // Without TLS there is no way to agree on HTTP/2, and no client of these pages tries.
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(wire.head_timeout).max_buf_size(MAX_HEAD);
    // Whoever has sent a request and closed that side still gets the answer.
    builder.http1().half_close(true);
    builder
}

fn http2(wire: &WireLimits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http2_only();
    builder
        .http2()
        .timer(TokioTimer::new())
        // A peer that does not answer a ping is gone.
        .keep_alive_interval(wire.head_timeout)
        .keep_alive_timeout(wire.stall_timeout)
        .max_concurrent_streams(128)
        .max_header_list_size(MAX_HEAD as u32)
        // An upload over a slow line needs more than the usual 64 KiB under way.
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20);
    builder
}

struct Server {
    http1: Builder<TokioExecutor>,
    http2: Builder<TokioExecutor>,
    site: Site,
    edge: Edge,
}

impl Server {
    async fn connection(
        &self,
        stream: TcpStream,
        peer: IpAddr,
        stopped: watch::Receiver<bool>,
        watcher: Watcher,
    ) {
        // Small answers must not wait for the last acknowledgement. A socket that refuses still works.
        let _ = stream.set_nodelay(true);
        #[cfg(target_os = "linux")]
        let _ = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT);
        let activity = Activity::new();
        let served = match &self.edge.tls {
            None => match fast::serve(stream, &self.site, &self.edge.wire, stopped.clone()).await {
                Left::Closed => return,
                Left::Handed(stream, read) => {
                    let stream = Timed::new(stream, read, &self.edge.wire, Arc::clone(&activity));
                    let service = service_fn(answering(&self.site, peer, activity));
                    if *stopped.borrow() {
                        // Whoever was in the middle of a request finishes it, and it is the last.
                        let mut last = self.http1.clone();
                        last.http1().keep_alive(false);
                        last.serve_connection(TokioIo::new(stream), service).await
                    } else {
                        let connection = self.http1.serve_connection(TokioIo::new(stream), service);
                        watcher.watch(connection.into_owned()).await
                    }
                }
            },
            Some(tls) => {
                let stream = Timed::new(stream, Bytes::new(), &self.edge.wire, Arc::clone(&activity));
                let handshake = tokio::time::timeout(self.edge.wire.head_timeout, tls.accept(stream)).await;
                let stream = match handshake.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                    Ok(stream) => stream,
                    Err(error) => {
                        tracing::debug!(%peer, %error, "a TLS handshake failed");
                        return;
                    }
                };
                let is_http2 = tls::speaks_http2(&stream);
                let stream = TokioIo::new(stream);
                let answer = answering(&self.site, peer, Arc::clone(&activity));
                if is_http2 {
                    let service = service_fn(noting(answer, &activity));
                    let connection = self.http2.serve_connection(stream, service);
                    let wire = &self.edge.wire;
                    let window = wire.head_timeout.max(wire.stall_timeout);
                    let least = wire.min_body_rate.saturating_mul(window.as_secs()).max(LEAST);
                    tokio::select! {
                        served = watcher.watch(connection.into_owned()) => served,
                        () = activity.ceases(window, least) => return,
                    }
                } else {
                    let connection = self.http1.serve_connection(stream, service_fn(answer));
                    watcher.watch(connection.into_owned()).await
                }
            }
        };
        // A connection that breaks is the client's affair.
        if let Err(error) = served {
            tracing::trace!(%peer, %error, "a connection broke");
        }
    }
}

type Answer = Result<Response, Infallible>;

/// A request on its way through the router.
type Routed = Pin<Box<dyn Future<Output = Answer> + Send>>;

fn answering(
    site: &Site,
    peer: IpAddr,
    activity: Arc<Activity>,
) -> impl Fn(Request<Incoming>) -> Either<Ready<Answer>, Routed> + Send + 'static {
    let site = site.clone();
    move |mut request| {
        // What is odd is refused by the router, in the form that the client reads.
        if strict::refusal(&request).is_none()
            && let Some(response) = site.hot.answer(request.method(), request.uri(), request.headers())
        {
            site.tally.count(response.status());
            return Either::Left(ready(Ok(response)));
        }
        request.extensions_mut().insert(Peer(peer));
        Either::Right(Box::pin(
            site.router
                .clone()
                .oneshot(request.map(|body| Body::new(Noted::new(body, Arc::clone(&activity))))),
        ))
    }
}

/// The same, noting what is worked on.
fn noting(
    answer: impl Fn(Request<Incoming>) -> Either<Ready<Answer>, Routed> + Send + 'static,
    activity: &Arc<Activity>,
) -> impl Fn(Request<Incoming>) -> Routed + Send + 'static {
    let activity = Arc::clone(activity);
    move |request| {
        let working = activity.work();
        let answer = answer(request);
        Box::pin(async move {
            let answer = answer.await;
            drop(working);
            answer
        })
    }
}
