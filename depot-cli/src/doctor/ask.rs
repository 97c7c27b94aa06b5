//! One request and what came of it, nothing smoothed over: codings are not taken off, and redirects are told.

use std::{
    error::Error as _,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::Context as _;
use bytes::{Bytes, BytesMut};
use depot_index::{Credentials, IndexUrl, connections};
use depot_proto::redact::SafeUrl;
use reqwest::{
    Client, Method, Response, Version,
    header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderName, LOCATION},
};
use url::Url;

use crate::{args::NetworkArgs, network};

const TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How many times the wait for bytes a whole answer may take: one that drips must end too.
const WHOLE: u32 = 10;

/// The most redirects followed for one question.
const MAX_REDIRECTS: usize = 5;

/// The largest page read, in bytes.
const PAGE_LIMIT: u64 = 128 << 20;

/// Asks an index.
pub(super) struct Asker {
    /// Takes what comes as it comes.
    plain: Client,
    /// Takes codings off, as clients do.
    decoding: Client,
    index: IndexUrl,
    credentials: Option<Credentials>,
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Asker {
    pub(super) fn new(
        index: IndexUrl,
        credentials: Option<Credentials>,
        network: &NetworkArgs,
    ) -> anyhow::Result<Self> {
        let timeout = network.timeout_or(TIMEOUT);
        let authorities = network::authorities(network)?;
        let builder = || {
            Ok::<_, reqwest::Error>(
                connections(authorities.as_deref())?
                    .user_agent(concat!("depot-doctor/", env!("CARGO_PKG_VERSION")))
                    .connect_timeout(CONNECT_TIMEOUT.min(timeout))
                    .read_timeout(timeout)
                    .timeout(timeout * WHOLE),
            )
        };
        let plain = builder()?.no_gzip().no_zstd().build().context("cannot make connections")?;
        let decoding = builder()?.build().context("cannot make connections")?;
        let (requests, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self { plain, decoding, index, credentials, requests, bytes })
    }

    pub(super) fn index(&self) -> &IndexUrl {
        &self.index
    }

    /// Whether there is something to say who asks.
    pub(super) fn has_credentials(&self) -> bool {
        self.credentials.is_some()
    }

    /// How many requests were made, and how many bytes of bodies came.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.requests.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    pub(super) fn get(&self, url: &Url) -> Question<'_> {
        self.ask(Method::GET, url)
    }

    pub(super) fn head(&self, url: &Url) -> Question<'_> {
        self.ask(Method::HEAD, url)
    }

    pub(super) fn ask(&self, method: Method, url: &Url) -> Question<'_> {
        Question {
            asker: self,
            method,
            url: url.clone(),
            headers: HeaderMap::new(),
            body: None,
            limit: PAGE_LIMIT,
            who: Who::Given,
            follow: Follow::Anywhere,
            decodes: false,
        }
    }
}

/// By whose name a question is asked.
#[derive(Clone, Debug)]
enum Who {
    /// That of the credentials that were given, at the origin of the index.
    Given,
    /// Nobody's.
    Nobody,
    /// That of these.
    Other(Credentials),
}

/// Which redirects are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follow {
    No,
    /// Those that stay at the origin.
    AtHome,
    /// All, but none from https to http.
    Anywhere,
}

/// A request that is not sent yet.
#[must_use]
pub(super) struct Question<'a> {
    asker: &'a Asker,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    limit: u64,
    who: Who,
    follow: Follow,
    decodes: bool,
}

impl Question<'_> {
    pub(super) fn accept(self, accept: &str) -> Self {
        self.header(ACCEPT, accept)
    }

    pub(super) fn encoding(self, encoding: &str) -> Self {
        self.header(ACCEPT_ENCODING, encoding)
    }

    /// Adds a header; what a server sent and cannot be sent back is left out.
    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = value.parse() {
            self.headers.insert(name, value);
        }
        self
    }

    pub(super) fn body(mut self, body: Vec<u8>) -> Self {
        self.body = Some(body);
        self
    }

    /// Reads no more of the answer than this.
    pub(super) fn limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    pub(super) fn by_nobody(mut self) -> Self {
        self.who = Who::Nobody;
        self
    }

    pub(super) fn by(mut self, credentials: Credentials) -> Self {
        self.who = Who::Other(credentials);
        self
    }

    pub(super) fn follow(mut self, follow: Follow) -> Self {
        self.follow = follow;
        self
    }

    /// Takes codings off the answer, as clients do.
    pub(super) fn decoded(mut self) -> Self {
        self.decodes = true;
        self
    }

    pub(super) async fn send(self) -> Answer {
        let mut url = self.url.clone();
        let mut hops = 0;
        // Credentials do not come back from a chain that has left the index.
        let mut at_home = true;
        loop {
            at_home &= self.asker.index.is_same_origin(&url);
            let response = match self.send_to(&url, at_home).await {
                Ok(response) => response,
                Err(error) => return Answer::none(url, why(error)),
            };
            let next = location(&response, &url);
            let is_followed = next.as_ref().is_some_and(|next| match self.follow {
                Follow::No => false,
                Follow::AtHome => next.origin() == url.origin(),
                Follow::Anywhere => {
                    matches!(next.scheme(), "http" | "https")
                        && !(url.scheme() == "https" && next.scheme() == "http")
                }
            });
            match next {
                Some(next) if is_followed && hops < MAX_REDIRECTS => (url, hops) = (next, hops + 1),
                next => return self.read(response, url, next).await,
            }
        }
    }

    async fn send_to(&self, url: &Url, at_home: bool) -> reqwest::Result<Response> {
        let client = if self.decodes { &self.asker.decoding } else { &self.asker.plain };
        let mut request = client.request(self.method.clone(), url.clone()).headers(self.headers.clone());
        let credentials = match &self.who {
            Who::Given => self.asker.credentials.as_ref(),
            Who::Nobody => None,
            Who::Other(credentials) => Some(credentials),
        };
        if let Some(Credentials { user, password }) = credentials.filter(|_| at_home) {
            request = request.basic_auth(user, Some(password.expose()));
        }
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        self.asker.requests.fetch_add(1, Ordering::Relaxed);
        request.send().await
    }

    async fn read(&self, mut response: Response, url: Url, location: Option<Url>) -> Answer {
        let (status, version) = (response.status().as_u16(), response.version());
        let headers = std::mem::take(response.headers_mut());
        let mut body = BytesMut::new();
        let (mut trouble, mut is_cut) = (None, false);
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => {
                    trouble = Some(format!("broke off after {} bytes: {}", body.len(), why(error)));
                    break;
                }
            }
            if body.len() as u64 > self.limit {
                is_cut = true;
                break;
            }
        }
        self.asker.bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
        Answer { status, version, headers, body: body.freeze(), is_cut, trouble, url, location }
    }
}

/// Where a redirect leads.
fn location(response: &Response, url: &Url) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    url.join(response.headers().get(LOCATION)?.to_str().ok()?).ok()
}

/// The last cause: the ones before name layers of the client.
fn why(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        words = next.to_string();
        cause = next.source();
    }
    words
}

/// An address for people: without password, and without a query, which may hold a signature.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    SafeUrl::from(url).to_string()
}

/// What came.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// The status; 0 where nothing came.
    pub(super) status: u16,
    pub(super) version: Version,
    headers: HeaderMap,
    pub(super) body: Bytes,
    /// Whether the rest of the body was not read, because it is too long.
    pub(super) is_cut: bool,
    /// Why there is none, or not all of it.
    trouble: Option<String>,
    /// Where it came from.
    pub(super) url: Url,
    /// Where it would lead, if it was not followed.
    pub(super) location: Option<Url>,
}

impl Answer {
    fn none(url: Url, trouble: String) -> Self {
        Self {
            status: 0,
            version: Version::HTTP_11,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            is_cut: false,
            trouble: Some(trouble),
            url,
            location: None,
        }
    }

    /// Whether all of a good answer came.
    pub(super) fn is_ok(&self) -> bool {
        self.status == 200 && self.trouble.is_none() && !self.is_cut
    }

    /// Whether anything came.
    pub(super) fn is_there(&self) -> bool {
        self.status != 0
    }

    /// All values of a header, joined as one.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self
            .headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// Whether a header of comma-separated words has this one.
    pub(super) fn header_has(&self, name: &str, word: &str) -> bool {
        let value = self.header(name).unwrap_or_default();
        value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word))
    }

    /// A number of `Cache-Control`, such as that of `max-age`.
    pub(super) fn max_age(&self) -> Option<u64> {
        let value = self.header("cache-control")?.to_ascii_lowercase();
        value.split(',').find_map(|part| part.trim().strip_prefix("max-age=")?.trim_matches('"').parse().ok())
    }

    pub(super) fn content_length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// It in a few words: `404`, `200 as text/html`, `302 to https://...`.
    pub(super) fn told(&self) -> String {
        if let Some(trouble) = &self.trouble {
            return if self.is_there() {
                format!("{}, {trouble}", self.status)
            } else {
                format!("no answer ({trouble})")
            };
        }
        match (&self.location, self.header("content-type")) {
            (Some(to), _) => format!("{} to {}", self.status, shown(to)),
            (None, Some(kind)) if self.status == 200 => format!("200 as `{}`", cut(&kind)),
            (None, None) if self.status == 200 => "200 without a type".to_owned(),
            _ => self.status.to_string(),
        }
    }
}

/// Words of a server, short enough for a line.
pub(super) fn cut(text: &str) -> String {
    let mut words: String = text.chars().take(80).collect();
    if words.len() < text.len() {
        words.push_str("...");
    }
    words
}
