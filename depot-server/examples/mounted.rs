//! A depot inside another axum application, under a path of its own.
//!
//! ```text
//! cargo run --example mounted
//! pip install --index-url http://127.0.0.1:3000/depot/python/simple/ ...
//! ```

use axum::{Router, routing::get};
use depot_server::{Config, Depot};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Config::new(std::env::temp_dir().join("depot-mounted"));
    // Opening reads the tree and may rebuild the store: it blocks for as long as that takes.
    let depot = tokio::task::spawn_blocking(move || Depot::open(config)).await??;
    let application = Router::new()
        .route("/", get(|| async { "the rest of the application" }))
        .nest("/depot", depot.router());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    let stop = async {
        // Without a signal to wait for, it runs until it is killed.
        let _ = tokio::signal::ctrl_c().await;
    };
    axum::serve(listener, application).with_graceful_shutdown(stop).await?;
    tokio::task::spawn_blocking(move || depot.close()).await?;
    Ok(())
}
