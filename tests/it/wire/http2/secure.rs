//! A server that speaks TLS, and connections to it that agreed on HTTP/2.

use std::fs;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use depot_tests::{ServerProcess, skipped};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use tempfile::TempDir;

use super::frames::{ACK, Frame, GOAWAY, HEADERS, PREFACE, SETTINGS, frame, get, settings};

/// How long an answer may take on a machine that does many other things.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server behind a certificate that nobody signed but itself.
pub(super) struct Secure {
    server: ServerProcess,
    _folder: TempDir,
}

impl Secure {
    /// `None` where this machine has no `openssl` to make the certificate with, which is said.
    pub(super) fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        make_certificate(folder.path())?;
        let [certificate, key] = ["tls.pem", "tls.key"].map(|name| folder.path().join(name));
        let args =
            ["--tls-certificate".as_ref(), certificate.as_os_str(), "--tls-key".as_ref(), key.as_os_str()];
        let server = ServerProcess::start(&folder.path().join("data"), args);
        assert!(server.url().starts_with("https://"), "{}", server.url());
        Some(Self { server, _folder: folder })
    }

    pub(super) fn token(&self) -> String {
        self.server.token()
    }

    /// A connection with TLS that offered these protocols.
    fn dial(&self, protocols: &[&[u8]]) -> StreamOwned<ClientConnection, TcpStream> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let stream = TcpStream::connect(self.server.url().strip_prefix("https://").unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream);
        tls.flush().unwrap();
        tls
    }

    /// A connection with HTTP/2, whose settings were exchanged.
    pub(super) fn http2(&self, values: &[(u16, u32)]) -> Http2 {
        let tls = self.dial(&[b"h2"]);
        let mut connection = Http2 { tls, buffer: Vec::new() };
        connection.send(&[PREFACE, &settings(values)].concat()).unwrap();
        let first = connection.next().unwrap().expect("settings");
        assert_eq!(first.kind, SETTINGS);
        connection.send(&frame(SETTINGS, ACK, 0, &[])).unwrap();
        connection
    }

    /// How long a request on a connection of its own takes, which must be answered with 200.
    #[track_caller]
    pub(super) fn assert_is_well(&self) {
        let began = Instant::now();
        let mut connection = self.http2(&[]);
        connection.send(&get(1, "/healthz")).unwrap();
        let answer = connection.answer_on(1).unwrap().expect("an answer");
        assert_eq!(answer.payload[0], 0x88, "not 200");
        let took = began.elapsed();
        assert!(took < Duration::from_secs(5), "a request took {took:?}");
    }

    /// What the server holds in memory, in KiB.
    pub(super) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

/// Makes `tls.pem` and `tls.key` in a folder.
fn make_certificate(folder: &Path) -> Option<()> {
    let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=depot \
                 -addext subjectAltName=IP:127.0.0.1,DNS:localhost -keyout tls.key -out tls.pem";
    let output = Command::new("openssl").args(words.split_whitespace()).current_dir(folder).output();
    match output {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            skipped("HTTP/2 over TLS: openssl is missing");
            return None;
        }
        Err(error) => panic!("openssl: {error}"),
    }
    Some(())
}

/// Whose certificate it is matters elsewhere.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A connection with HTTP/2.
pub(super) struct Http2 {
    tls: StreamOwned<ClientConnection, TcpStream>,
    buffer: Vec<u8>,
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The server said why, by this code, and closed it.
    Told(u32),
    /// It was closed without a word.
    Closed,
    /// It is open.
    Open,
}

impl Http2 {
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.tls.write_all(bytes)?;
        self.tls.flush()
    }

    /// The next frame, or `None` at the end of the connection. `WouldBlock` where none comes for ten seconds.
    pub(super) fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.take() {
                return Ok(Some(frame));
            }
            let mut part = [0; 16 * 1024];
            match self.tls.read(&mut part) {
                Ok(0) => return Ok(None),
                Ok(length) => self.buffer.extend_from_slice(&part[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(error),
                Err(_) => return Ok(None),
            }
        }
    }

    fn take(&mut self) -> Option<Frame> {
        let head = self.buffer.first_chunk::<9>()?;
        let [a, b, c, kind, flags, stream @ ..] = *head;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        if self.buffer.len() < 9 + length {
            return None;
        }
        let payload = self.buffer[9..9 + length].to_vec();
        self.buffer.drain(..9 + length);
        Some(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload })
    }

    /// The head of the answer on a stream, or `None` if the connection ends before it.
    pub(super) fn answer_on(&mut self, stream: u32) -> io::Result<Option<Frame>> {
        while let Some(frame) = self.next()? {
            if (frame.kind, frame.stream) == (HEADERS, stream) {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    /// Reads to the end of the connection, answering nothing.
    pub(super) fn end(&mut self) -> End {
        let mut told = None;
        loop {
            match self.next() {
                Ok(Some(frame)) if frame.kind == GOAWAY => {
                    told = frame.payload.get(4..8).map(|code| u32::from_be_bytes(code.try_into().unwrap()));
                }
                Ok(Some(_)) => {}
                Ok(None) => return told.map_or(End::Closed, End::Told),
                Err(_) => return End::Open,
            }
        }
    }
}

#[test]
fn http_2_is_spoken_over_tls_where_both_want_it() {
    let Some(secure) = Secure::start() else { return };
    secure.assert_is_well();
    for (offered, agreed) in [
        (&[b"h2".as_slice(), b"http/1.1"][..], Some(b"h2".as_slice())),
        (&[b"http/1.1", b"h2"], Some(b"h2")),
        (&[b"http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let mut tls = secure.dial(offered);
        let sent = tls.write_all(b"GET /healthz HTTP/1.1\r\nHost: depot\r\nConnection: close\r\n\r\n");
        sent.unwrap();
        assert_eq!(tls.conn.alpn_protocol(), agreed);
        let mut answer = [0; 12];
        let read = tls.read_exact(&mut answer);
        let is_http1 = read.is_ok() && answer.starts_with(b"HTTP/1.1 200");
        assert_eq!(is_http1, agreed != Some(b"h2"), "{offered:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_head_is_answered_over_http_2_whether_the_answer_is_at_hand_or_not() {
    let Some(secure) = Secure::start() else { return };
    let client = reqwest::Client::builder()
        .danger_accept_invalid_certs(true)
        .no_proxy()
        .no_gzip()
        .no_zstd()
        .build()
        .unwrap();
    let url = format!("{}/python/simple/", secure.server.url());
    for _ in 0..3 {
        let whole = client.get(&url).send().await.unwrap();
        assert_eq!(whole.version(), reqwest::Version::HTTP_2);
        let length = whole.headers()["content-length"].clone();
        assert!(!whole.bytes().await.unwrap().is_empty());
        let head = client.head(&url).send().await.unwrap();
        assert_eq!((head.status().as_u16(), &head.headers()["content-length"]), (200, &length));
        assert!(head.bytes().await.unwrap().is_empty());
    }
}
