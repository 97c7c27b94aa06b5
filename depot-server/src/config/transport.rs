//! `[transport]`: what carries requests to the server.

use std::path::PathBuf;

use super::{
    Network, TlsFiles, Transport,
    error::{ConfigError, Origin},
    reader::Reader,
    setting::{Fallback, Section, Setting},
    value::Words,
};

pub(crate) static KIND: Setting = Setting::new(
    "transport.kind",
    Fallback::Words { words: "what the keys below say, else \"plain\"", example: "\"tls\"" },
    "What carries requests: tls, spoken by the server itself; proxy, a proxy in front that speaks TLS; or plain http",
)
.outside("--transport", "DEPOT_TRANSPORT", "KIND");

pub(crate) static CERTIFICATE: Setting = Setting::new(
    "transport.certificate",
    Fallback::Words { words: "none", example: "\"/etc/depot/tls.pem\"" },
    "For tls: the certificate in PEM, followed by those between it and the root; read again when it changes",
)
.outside("--tls-certificate", "DEPOT_TLS_CERTIFICATE", "FILE");

pub(crate) static KEY: Setting = Setting::new(
    "transport.key",
    Fallback::Words { words: "none", example: "\"/etc/depot/tls.key\"" },
    "For tls: the private key of the certificate in PEM; read again when it changes",
)
.outside("--tls-key", "DEPOT_TLS_KEY", "FILE");

pub(crate) static TRUSTED_PROXIES: Setting = Setting::new(
    "transport.trusted_proxies",
    Fallback::Words { words: "this machine, for proxy", example: "[\"127.0.0.0/8\", \"::1\"]" },
    "For proxy: the addresses whose X-Forwarded-For is believed",
)
.outside("--trusted-proxies", "DEPOT_TRUSTED_PROXIES", "RANGES");

pub(crate) static SECTION: Section = Section {
    name: "transport",
    what: "What carries requests to the server",
    settings: &[&KIND, &CERTIFICATE, &KEY, &TRUSTED_PROXIES],
};

/// The kinds of [`Transport`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Tls,
    Proxy,
    Plain,
}

impl Words for Kind {
    const WORDS: &'static [(&'static str, Self)] =
        &[("tls", Self::Tls), ("proxy", Self::Proxy), ("plain", Self::Plain)];
}

/// Reads `[transport]`.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<Transport, ConfigError> {
    let stated = reader.optional(&KIND)?;
    let certificate = reader.path(&CERTIFICATE)?;
    let key = reader.path(&KEY)?;
    let trusted = reader.optional(&TRUSTED_PROXIES)?;
    let kind = match stated {
        Some(kind) => kind,
        None => implied(reader, certificate.is_some() || key.is_some(), trusted.is_some())?,
    };
    match kind {
        Kind::Plain => Ok(Transport::Plain),
        Kind::Proxy => Ok(Transport::Proxy { trusted: trusted_or_own(reader, trusted) }),
        Kind::Tls => tls(reader, certificate, key),
    }
}

/// The kind that other settings make plain: naming a certificate states that TLS is meant.
fn implied(reader: &mut Reader<'_>, files: bool, trusted: bool) -> Result<Kind, ConfigError> {
    let (kind, origin) = match (files, trusted) {
        (false, false) => (Kind::Plain, Origin::Default),
        (false, true) => (Kind::Proxy, reader.origin(&TRUSTED_PROXIES)),
        (true, false) => (Kind::Tls, stated_file(reader)),
        (true, true) => {
            let words = "a certificate or key is set, and trusted proxies too: say which is meant, with \
                         `transport.kind` = \"tls\" or \"proxy\"";
            return Err(ConfigError::invalid(&reader.origin(&TRUSTED_PROXIES), words));
        }
    };
    reader.note(&KIND, Some(&kind), origin);
    Ok(kind)
}

fn stated_file(reader: &Reader<'_>) -> Origin {
    let certificate = reader.origin(&CERTIFICATE);
    if certificate.is_stated() { certificate } else { reader.origin(&KEY) }
}

fn tls(
    reader: &Reader<'_>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
) -> Result<Transport, ConfigError> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Transport::Tls(TlsFiles { certificate, key })),
        (certificate, _) => {
            let missing = if certificate.is_some() { &KEY } else { &CERTIFICATE };
            let flag = missing.outside.as_ref().map_or("", |outside| outside.flag);
            let words =
                format!("TLS needs a certificate and its key: name `{}`, or {flag} FILE", missing.key);
            Err(ConfigError::invalid(&reader.origin(&KIND), words))
        }
    }
}

/// A proxy that nobody named is one on this machine.
fn trusted_or_own(reader: &mut Reader<'_>, trusted: Option<Vec<Network>>) -> Vec<Network> {
    trusted.unwrap_or_else(|| {
        let own: Vec<Network> =
            ["127.0.0.0/8", "::1"].iter().filter_map(|range| range.parse().ok()).collect();
        reader.note(&TRUSTED_PROXIES, Some(&own), Origin::Default);
        own
    })
}
