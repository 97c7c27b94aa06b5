//! What is asked at `/api/` of a server.

use std::time::Duration;

use anyhow::Context as _;
use depot_index::connections;
use depot_proto::{Problem, redact::SafeUrl};
use reqwest::{
    Client, Method,
    header::{ACCEPT, CONTENT_TYPE},
};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

use crate::{args::NetworkArgs, credentials::Credentials, exit::UsageError, network};

const TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// It refused.
    #[error("{0}")]
    Refused(Problem),
    /// It answered with something that depot-server does not say.
    #[error("`{url}` answered {status}, which is not an answer of a depot-server: is the URL right?")]
    NotADepot { url: SafeUrl, status: u16 },
    /// It could not be reached, or did not answer.
    #[error("`{url}` could not be reached")]
    Unreachable { url: SafeUrl, source: reqwest::Error },
}

/// A server.
pub(super) struct Api {
    client: Client,
    /// Its address, without path and credentials.
    root: Url,
}

impl Api {
    /// The server of this URL, whatever repository of it that means; and the credentials in it.
    pub(super) fn new(url: &str, network: &NetworkArgs) -> anyhow::Result<(Self, Option<Credentials>)> {
        let usage = |words: String| anyhow::Error::from(UsageError(words));
        let url: SafeUrl =
            url.parse().map_err(|error| usage(format!("the server's URL cannot be read: {error}")))?;
        if !matches!(url.as_url().scheme(), "http" | "https") {
            return Err(usage("the server's URL must start with https:// or http://".to_owned()));
        }
        let in_url = Credentials::in_url(&url);
        let mut root = url.without_credentials();
        root.set_query(None);
        root.set_fragment(None);
        root.set_path("/");
        let timeout = network.timeout_or(TIMEOUT);
        // Credentials go to this server alone: no redirect is followed.
        let client = connections(network::authorities(network)?.as_deref())?
            .user_agent(concat!("depot/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .timeout(timeout)
            .build()
            .context("cannot make connections")?;
        Ok((Self { client, root }, in_url))
    }

    /// The address, for messages, and what logins are kept under.
    pub(super) fn root(&self) -> &Url {
        &self.root
    }

    /// Whether what is sent can be read on the way.
    pub(super) fn is_in_clear(&self) -> bool {
        let is_here = match self.root.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        self.root.scheme() == "http" && !is_here
    }

    /// Asks for something without a document.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        who: &Credentials,
    ) -> Result<T, ApiError> {
        self.ask(Method::GET, path, None::<&()>, who).await
    }

    /// Asks with a document.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        document: Option<&impl Serialize>,
        who: &Credentials,
    ) -> Result<T, ApiError> {
        let mut url = self.root.clone();
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        url.set_path(path);
        url.set_query(query);
        let shown = || SafeUrl::from(url.clone());
        let mut request = self
            .client
            .request(method, url.clone())
            .header(ACCEPT, "application/json, application/problem+json")
            .basic_auth(&who.user, Some(who.secret.expose()));
        if let Some(document) = document {
            let bytes =
                serde_json::to_vec(document).map_err(|_| ApiError::NotADepot { url: shown(), status: 0 })?;
            request = request.header(CONTENT_TYPE, "application/json").body(bytes);
        }
        let unreachable =
            |source: reqwest::Error| ApiError::Unreachable { url: shown(), source: source.without_url() };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(unreachable)?;
        let not_a_depot = || ApiError::NotADepot { url: shown(), status: status.as_u16() };
        if status.is_success() {
            return serde_json::from_slice(&bytes).map_err(|_| not_a_depot());
        }
        match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) => Err(ApiError::Refused(problem)),
            Err(_) => Err(not_a_depot()),
        }
    }
}
