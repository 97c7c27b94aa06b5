//! A router meets a port: accepting connections, and letting them finish.

use std::{
    convert::Infallible,
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body, http::Request, response::Response};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tower::ServiceExt as _;

/// A client that has not sent its headers by then is not going to.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// The most bytes of request head that are read.
const MAX_HEAD: usize = 64 * 1024;

/// The most connections at once; more wait in the system's queue.
const MAX_CONNECTIONS: usize = 10_000;

/// How long requests under way may take to finish once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(30);

/// Serves until `stop` is done, then takes no more connections and waits for the requests under way. False if some
/// were cut off.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) -> bool {
    // Without TLS there is no way to agree on HTTP/2, and no client of these pages tries.
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(MAX_HEAD);
    let connections = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut stop = pin!(stop);
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await.map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>((listener.accept().await?.0, place))
        };
        let accepted = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, place)) => {
                let connection = builder
                    .serve_connection(
                        TokioIo::new(prepare(stream)),
                        hyper::service::service_fn(serving(&router)),
                    )
                    .into_owned();
                let watched = connections.watch(connection);
                tokio::spawn(async move {
                    let _place = place;
                    // A connection that breaks is the client's affair.
                    if let Err(error) = watched.await {
                        tracing::trace!(%error, "a connection broke");
                    }
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: wait for some to come back rather than spin.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    tokio::time::timeout(DRAIN, connections.shutdown()).await.is_ok()
}

fn prepare(stream: TcpStream) -> TcpStream {
    // Small answers must not wait for the last acknowledgement. A socket that refuses still works.
    let _ = stream.set_nodelay(true);
    stream
}

/// A request on its way to its answer.
type Serving = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

fn serving(router: &Router) -> impl Fn(Request<Incoming>) -> Serving + Send + 'static {
    let router = router.clone();
    move |request| Box::pin(router.clone().oneshot(request.map(Body::new)))
}
