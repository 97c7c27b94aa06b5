//! One request, redirects included: who sees credentials, where a link may lead, what a status means.

use std::{error::Error, io};

use bytes::{Bytes, BytesMut};
use depot_proto::{media_type::ACCEPT_PAGES, redact::SafeUrl, retry, simple::PageFile};
use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, ACCEPT_ENCODING, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LOCATION, RANGE},
};
use url::{Host, Url};

use crate::{
    attempts::{Failure, wanted_wait},
    client::Client,
    coding,
    error::IndexError,
    guard,
    index_url::{Credentials, IndexUrl, split_credentials},
    page::Validators,
};

/// The most redirects followed for one request.
const MAX_REDIRECTS: usize = 5;

/// What is asked for, and the shape of a good answer.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    /// A page, in whatever form the index has; or the word that it is still the one that these name, if any.
    Page(Validators),
    /// All bytes of a file, as they are stored.
    File,
    /// Some bytes of a file: the value of the `Range` header. The server may send all of it instead.
    Part(String),
    /// The bytes of a file from this one on, if it is still the version that this validator names. The server may send
    /// all of it instead.
    Rest {
        /// The first byte wanted.
        from: u64,
        /// The value of `If-Range`: a strong validator.
        version: Option<String>,
    },
    /// Only the headers of a file.
    Head,
}

impl Client {
    /// Makes one attempt and returns a good answer, its body unread.
    pub(crate) async fn send(
        &self,
        index: &IndexUrl,
        asked: &Url,
        wanted: &Wanted,
    ) -> Result<Response, Failure> {
        let mut url = asked.clone();
        // Once a chain of redirects has left the index, whoever it leads back has no claim to its credentials.
        let mut at_home = true;
        for _ in 0..=MAX_REDIRECTS {
            at_home &= index.is_same_origin(&url);
            self.options().guard.check(index, &url)?;
            let own = split_credentials(&mut url);
            let given = own.as_ref().or(index.credentials().filter(|_| at_home));
            let credentials = given.or_else(|| self.credentials_by_host(index, &url));
            let request = authorize(self.request(index, &url, wanted), credentials);
            let response = request.send().await.map_err(|error| unreachable(asked, &url, error))?;
            match next_hop(&response, &url)? {
                Some(next) => url = next,
                None => return judge(response, asked, wanted, credentials.is_some()),
            }
        }
        Err(refused(asked, "it redirects too often").into())
    }

    /// What `.netrc` has for the host of an address. An index can name any address in a link or a redirect, so what is
    /// not named there by its host gets nothing, and neither does another host over plain http: whoever can change the
    /// page of a plain index could collect the passwords of all hosts.
    fn credentials_by_host(&self, index: &IndexUrl, url: &Url) -> Option<&Credentials> {
        let (netrc, host) = (&self.options().netrc, url.host_str()?);
        let found = if index.is_same_origin(url) {
            netrc.credentials(host)
        } else {
            let is_guarded =
                url.scheme() == "https" || index.as_url().host() == url.host() || is_this_machine(url);
            netrc.credentials_by_name(host).filter(|_| is_guarded)
        };
        found.inspect(|_| self.note_use_of_netrc())
    }

    fn request(&self, index: &IndexUrl, url: &Url, wanted: &Wanted) -> RequestBuilder {
        let method = if matches!(wanted, Wanted::Head) { Method::HEAD } else { Method::GET };
        let request = self.asking(index, url).request(method, url.clone());
        match wanted {
            Wanted::Page(Validators { etag, last_modified }) => {
                let request = request.header(ACCEPT, ACCEPT_PAGES).header(ACCEPT_ENCODING, coding::ACCEPTED);
                // A server must pass over the date where it knows validators (RFC 9110, 13.1.3); some do not.
                match (etag, last_modified) {
                    (Some(etag), _) => request.header(IF_NONE_MATCH, etag),
                    (None, Some(date)) => request.header(IF_MODIFIED_SINCE, date),
                    (None, None) => request,
                }
            }
            Wanted::File | Wanted::Head => request.header(ACCEPT_ENCODING, "identity"),
            Wanted::Part(range) => request.header(ACCEPT_ENCODING, "identity").header(RANGE, range),
            Wanted::Rest { from, version } => {
                let request =
                    request.header(ACCEPT_ENCODING, "identity").header(RANGE, format!("bytes={from}-"));
                match version {
                    Some(version) => request.header(IF_RANGE, version),
                    None => request,
                }
            }
        }
    }
}

/// The address of a file that a page lists, if it is one that may be fetched.
pub(crate) fn file_url(index: &IndexUrl, file: &PageFile) -> Result<Url, IndexError> {
    link_url(index, file, &file.url)
}

/// An address that a page says of a file, if it is one that may be fetched.
pub(crate) fn link_url(index: &IndexUrl, file: &PageFile, link: &str) -> Result<Url, IndexError> {
    let mut url =
        Url::parse(link).map_err(|source| IndexError::BadLink { filename: file.filename.clone(), source })?;
    url.set_fragment(None);
    check_hop(index.as_url(), &url)?;
    Ok(url)
}

/// The address as errors show it: user info is masked when printed, and a signed URL's secret is in its query.
pub(crate) fn shown(url: &Url) -> SafeUrl {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// A body that is read into memory, up to a limit.
pub(crate) struct Body<'a> {
    response: Response,
    asked: &'a Url,
    limit: u64,
    bytes: BytesMut,
}

impl<'a> Body<'a> {
    pub(crate) fn of(response: Response, asked: &'a Url, limit: u64) -> Result<Self, Failure> {
        // Both the announcement and the bytes are checked: the one may be absent.
        if response.content_length().is_some_and(|announced| announced > limit) {
            return Err(IndexError::TooLarge { url: shown(asked), limit }.into());
        }
        Ok(Self { response, asked, limit, bytes: BytesMut::new() })
    }

    /// Reads the next bytes; false at the end.
    pub(crate) async fn read_more(&mut self) -> Result<bool, Failure> {
        let received = self.bytes.len() as u64;
        let chunk = self.response.chunk().await.map_err(|error| broke_off(self.asked, received, error))?;
        let Some(chunk) = chunk else { return Ok(false) };
        if received + chunk.len() as u64 > self.limit {
            return Err(IndexError::TooLarge { url: shown(self.asked), limit: self.limit }.into());
        }
        self.bytes.extend_from_slice(&chunk);
        Ok(true)
    }

    /// How many bytes were read.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn finish(self) -> Bytes {
        self.bytes.freeze()
    }
}

/// Reads a body into memory, up to `limit` bytes.
pub(crate) async fn read_body(response: Response, asked: &Url, limit: u64) -> Result<Bytes, Failure> {
    let mut body = Body::of(response, asked, limit)?;
    while body.read_more().await? {}
    Ok(body.finish())
}

/// What it means when a body ends in an error.
pub(crate) fn broke_off(asked: &Url, received: u64, error: reqwest::Error) -> Failure {
    let url = shown(asked);
    let error = if error.is_timeout() {
        IndexError::Unreachable { url, attempts: 1, source: error.without_url() }
    } else {
        IndexError::Truncated { url, received, attempts: 1, source: Some(error.without_url()) }
    };
    Failure::Again(Box::new(error), None)
}

fn authorize(request: RequestBuilder, credentials: Option<&Credentials>) -> RequestBuilder {
    match credentials {
        Some(Credentials { user, password }) => request.basic_auth(user, Some(password.expose())),
        None => request,
    }
}

/// Whether what is sent there stays on this machine.
fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Where a redirect leads, if the answer is one.
fn next_hop(response: &Response, from: &Url) -> Result<Option<Url>, IndexError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = response.headers().get(LOCATION) else { return Ok(None) };
    let to = from
        .join(&String::from_utf8_lossy(location.as_bytes()))
        .map_err(|_| refused(from, "it redirects to something that is not a URL"))?;
    check_hop(from, &to)?;
    Ok(Some(to))
}

/// Every address that an index gives us passes here, links and redirects alike.
fn check_hop(from: &Url, to: &Url) -> Result<(), IndexError> {
    match (from.scheme(), to.scheme()) {
        (_, "https") | ("http", "http") => Ok(()),
        (_, "http") => {
            Err(refused(to, "an https address led to it, and that must not fall back to plain http"))
        }
        _ => Err(refused(to, "only https and http addresses are followed")),
    }
}

pub(crate) fn refused(url: &Url, reason: &'static str) -> IndexError {
    IndexError::Refused { url: shown(url), reason }
}

fn judge(response: Response, asked: &Url, wanted: &Wanted, sent: bool) -> Result<Response, Failure> {
    let status = response.status();
    let url = shown(asked);
    Err(match status {
        StatusCode::OK => return Ok(response),
        // Only who asked for a part may take one: elsewhere it would pass for the whole.
        StatusCode::PARTIAL_CONTENT if matches!(wanted, Wanted::Part(_) | Wanted::Rest { .. }) => {
            return Ok(response);
        }
        // Only who said what they have may be told that it still holds.
        StatusCode::NOT_MODIFIED if matches!(wanted, Wanted::Page(known) if known.are_any()) => {
            return Ok(response);
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => IndexError::NotFound { url }.into(),
        StatusCode::UNAUTHORIZED => IndexError::Unauthorized { url, sent }.into(),
        StatusCode::FORBIDDEN => IndexError::Forbidden { url }.into(),
        _ => {
            let (status, retry_after) = (status.as_u16(), wanted_wait(&response));
            let error = IndexError::Status { url, status, attempts: 1, retry_after };
            if retry::is_transient(status) {
                Failure::Again(Box::new(error), retry_after)
            } else {
                Failure::Final(error)
            }
        }
    })
}

fn unreachable(asked: &Url, at: &Url, error: reqwest::Error) -> Failure {
    if guard::is_kept_from(&error) {
        return refused(at, guard::NOT_PUBLIC).into();
    }
    let lasting = error.is_builder() || is_tls_error(&error);
    let error = IndexError::Unreachable { url: shown(asked), attempts: 1, source: error.without_url() };
    if lasting { Failure::Final(error) } else { Failure::Again(Box::new(error), None) }
}

/// Whether the two sides do not get on: a certificate that is not trusted, or no TLS at all. That does not pass.
fn is_tls_error(error: &reqwest::Error) -> bool {
    let mut source = error.source().filter(|_| error.is_connect());
    while let Some(error) = source {
        source = match error.downcast_ref::<io::Error>() {
            // rustls reports through the stream as invalid data; a connection that merely breaks has other kinds.
            Some(error) if error.kind() == io::ErrorKind::InvalidData => return true,
            // An I/O error names as its source what its content came from, so the content is asked for itself.
            Some(error) => error.get_ref().map(|content| content as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    false
}

#[cfg(test)]
mod tests;
