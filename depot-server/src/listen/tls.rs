//! TLS: a certificate that is read again when it changes.

use std::{
    fs, io,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::config::TlsFiles;

/// How often the files are looked at. Whoever renews certificates does so days before the old one ends.
const LOOK: Duration = Duration::from_secs(5);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A file cannot be read as what it should be.
    #[error("cannot read the {what} in `{path}`: {reason}")]
    Unreadable {
        /// Certificate or key.
        what: &'static str,
        /// Which file.
        path: String,
        /// Why.
        reason: String,
    },
    /// They do not belong together, or are of a kind that is not taken.
    #[error("the certificate in `{path}` and its key cannot be used: {source}")]
    Unusable {
        /// The certificate's file.
        path: String,
        /// Why.
        source: rustls::Error,
    },
}

/// What two files were like when they were read.
type Seen = [Option<(SystemTime, u64)>; 2];

/// TLS with the newest certificate.
pub(crate) struct Tls {
    files: TlsFiles,
    /// What the files were like before they were read.
    seen: Seen,
    current: RwLock<TlsAcceptor>,
}

impl Tls {
    /// Reads the certificate and its key.
    pub(crate) fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let seen = look(&files);
        let current = RwLock::new(read(&files)?);
        Ok(Self { files, seen, current })
    }

    /// Speaks TLS with a client.
    pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> io::Result<TlsStream<S>> {
        let acceptor = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        acceptor.accept(stream).await
    }

    /// Takes a new certificate whenever the files change, for as long as the server runs. One that cannot be used
    /// changes nothing: the old one may still do.
    pub(crate) async fn renew(self: Arc<Self>) {
        let mut seen = self.seen;
        loop {
            tokio::time::sleep(LOOK).await;
            let now = look(&self.files);
            if now == seen {
                continue;
            }
            match read(&self.files) {
                Ok(acceptor) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
                    tracing::info!("the TLS certificate was read again");
                }
                // One of two files may be there already and the other not: the next look sees both.
                Err(error) => tracing::error!(%error, "the new TLS certificate is not used"),
            }
            seen = now;
        }
    }
}

fn look(files: &TlsFiles) -> Seen {
    [&files.certificate, &files.key].map(|path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    })
}

/// Whether HTTP/2 was agreed on.
pub(super) fn speaks_http2<S>(stream: &TlsStream<S>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(b"h2")
}

fn read(files: &TlsFiles) -> Result<TlsAcceptor, TlsError> {
    let unreadable = |what: &'static str, path: &Path, reason: String| TlsError::Unreadable {
        what,
        path: path.display().to_string(),
        reason,
    };
    let (certificate, key) = (&files.certificate, &files.key);
    let bytes =
        fs::read(certificate).map_err(|error| unreadable("certificate", certificate, error.to_string()))?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| unreadable("certificate", certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(unreadable("certificate", certificate, "there is none in it".to_owned()));
    }
    let text = crate::private::read_shared_with_group(key)
        .map_err(|error| unreadable("key", key, error.to_string()))?;
    let private = PrivateKeyDer::from_pem_slice(text.as_bytes())
        .map_err(|error| unreadable("key", key, error.to_string()))?;
    let unusable = |source| TlsError::Unusable { path: certificate.display().to_string(), source };
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
