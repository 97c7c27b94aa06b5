//! Where links and redirects of an index may lead: a server that fetches what an index names must not be made to ask its
//! own network, or itself.

use std::{
    env,
    error::Error,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::{error::IndexError, index_url::IndexUrl, request::refused};

/// Where links and redirects may lead, beside the origin of the index itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Guard {
    /// Anywhere: for who runs the client where they sit.
    #[default]
    Anywhere,
    /// To public addresses alone. A name that stands for others is refused when it is resolved, so that what was checked
    /// is what is connected to. Where the system's proxy is used, it is the proxy that resolves names.
    Public {
        /// Whether they may be asked over plain http.
        plain_http: bool,
        /// The index of which this is the client. Where its own name stands for a private address, as behind a mirror of
        /// the network, other names may stand for the same one, at the port of the index: who is there is asked anyway.
        index: Option<IndexUrl>,
    },
}

pub(crate) const NOT_PUBLIC: &str =
    "it leads to a private address, and only the index itself may be at one unless `allow_private = true`";

impl Guard {
    /// Whether this may be asked on behalf of that index.
    pub(crate) fn check(&self, index: &IndexUrl, url: &Url) -> Result<(), IndexError> {
        let Self::Public { plain_http, .. } = self else { return Ok(()) };
        if index.is_same_origin(url) {
            return Ok(());
        }
        let is_public = match url.host() {
            Some(Host::Ipv4(address)) => is_public(address.into()),
            Some(Host::Ipv6(address)) => is_public(address.into()),
            // Others are looked at when they are resolved.
            Some(Host::Domain(name)) => !is_local_name(name),
            None => false,
        };
        if !is_public {
            return Err(refused(url, NOT_PUBLIC));
        }
        if url.scheme() != "https" && !plain_http {
            return Err(refused(url, "it leads over plain http, which is not allowed here"));
        }
        Ok(())
    }
}

fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

/// Whether an address is one of the Internet, where no machine of our own is meant by it.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = match (a, b) {
        // Protocol assignments, and what once was 6to4's anycast.
        (192, 0) => c == 0,
        (192, 88) => c == 99,
        // This network, and multicast, reserved and broadcast; what providers share with their customers; benchmarks.
        (0 | 224.., _) | (100, 64..=127) | (198, 18 | 19) => true,
        _ => false,
    };
    !is_special
        && !address.is_private()
        && !address.is_loopback()
        && !address.is_link_local()
        && !address.is_documentation()
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = inner_v4(address) {
        return is_public_v4(inner);
    }
    let segments = address.segments();
    // What is given out is 2000::/3; within it are Teredo, which hides an address, and documentation.
    segments[0] & 0xe000 == 0x2000
        && !(segments[0] == 0x2001 && segments[1] == 0)
        && !(segments[0] == 0x2001 && segments[1] == 0xdb8)
        && !(segments[0] == 0x3fff && segments[1] < 0x1000)
}

/// The IPv4 address that an IPv6 address stands for, if it does.
fn inner_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let from = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        // Mapped, and the older compatible form (`::` and `::1` are among the latter, and are as little public); NAT64; 6to4.
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(from(high, low)),
        _ => None,
    }
}

/// Resolves names to public addresses alone, or to those of the index.
#[derive(Debug)]
pub(crate) struct PublicAddresses {
    /// The system's proxies, which may well be private, and are nobody's link.
    proxies: Vec<String>,
    /// The host of the index, where names may stand for its addresses.
    index: Option<Host>,
}

impl PublicAddresses {
    pub(crate) fn new(system_proxy: bool, index: Option<&IndexUrl>) -> Self {
        const VARIABLES: [&str; 6] =
            ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
        let host_of = |name| {
            let address = env::var(name).ok()?;
            let url = if address.contains("://") { address } else { format!("http://{address}") };
            Url::parse(&url).ok()?.host_str().map(str::to_ascii_lowercase)
        };
        let variables = VARIABLES.into_iter().filter(|_| system_proxy);
        let index = index.and_then(|index| index.as_url().host()).map(|host| host.to_owned());
        Self { proxies: variables.filter_map(host_of).collect(), index }
    }
}

impl Resolve for PublicAddresses {
    fn resolve(&self, name: Name) -> Resolving {
        let is_proxy = self.proxies.iter().any(|proxy| proxy.eq_ignore_ascii_case(name.as_str()));
        let index = self.index.clone();
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let is_allowed = |address: &SocketAddr| is_proxy || is_public(address.ip());
            let mut allowed: Vec<SocketAddr> = addresses.iter().copied().filter(is_allowed).collect();
            if allowed.is_empty() {
                let its_own = addresses_of(index).await;
                allowed = addresses.into_iter().filter(|address| its_own.contains(&address.ip())).collect();
            }
            if allowed.is_empty() {
                return Err(KeptFrom.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// None where it has no name, or the name stands for nothing now.
async fn addresses_of(host: Option<Host>) -> Vec<IpAddr> {
    match host {
        Some(Host::Domain(name)) => {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            found.map(|addresses| addresses.map(|address| address.ip()).collect()).unwrap_or_default()
        }
        Some(Host::Ipv4(address)) => vec![address.into()],
        Some(Host::Ipv6(address)) => vec![address.into()],
        None => Vec::new(),
    }
}

/// A name stands for no public address.
#[derive(Debug)]
struct KeptFrom;

impl fmt::Display for KeptFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name stands for no public address")
    }
}

impl Error for KeptFrom {}

/// Whether a request failed because of [`PublicAddresses`].
pub(crate) fn is_kept_from(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        if error.is::<KeptFrom>() {
            return true;
        }
        source = error.source();
    }
    false
}

#[cfg(test)]
mod tests;
