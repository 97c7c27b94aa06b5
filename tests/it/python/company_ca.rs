//! TLS as a company runs it: an index behind a certificate of the company's own authority.

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use depot_tests::{Clients, Output, Room, WheelBuilder, run, sha256_hex};

use super::saved::Saved;

/// Five retries of something that does not pass would take longer.
const SOON: Duration = Duration::from_secs(5);

/// What `openssl` needs to know, whatever the configuration of this machine says.
pub(crate) const OPENSSL_CNF: &str = "\
[req]
prompt = no
distinguished_name = name
[name]
O = Teapot Works
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1, DNS:localhost
[elsewhere]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.2, DNS:depot.example
[ca]
default_ca = signing
[signing]
database = issued.txt
serial = serial.txt
new_certs_dir = .
default_md = sha256
policy = anything
[anything]
organizationName = optional
";

#[expect(clippy::print_stderr, reason = "whoever runs the tests wants to know what did not run")]
fn say_skipped(reason: &str) {
    eprintln!("skipped: {reason}");
}

/// Runs `openssl` with these words in this folder; `None` where this machine has none.
pub(super) fn openssl(folder: &Path, words: &str) -> Option<()> {
    let mut command = Command::new("openssl");
    command
        .args(words.split_whitespace())
        .current_dir(folder)
        .env("OPENSSL_CONF", folder.join("openssl.cnf"));
    match command.output() {
        Ok(output) => {
            assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
            Some(())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            say_skipped("openssl is missing");
            None
        }
        Err(error) => panic!("openssl: {error}"),
    }
}

/// Makes a certificate authority, with its certificate in `NAME.pem`.
pub(crate) fn make_authority(folder: &Path, name: &str) -> Option<()> {
    let new = "req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    openssl(
        folder,
        &format!("{new} -config openssl.cnf -extensions authority -keyout {name}.key -out {name}.pem"),
    )
}

/// Makes `server.key`, and `server.csr` that asks for its certificate.
pub(crate) fn make_server_key(folder: &Path) -> Option<()> {
    let new = "req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(folder, &format!("{new} -config openssl.cnf -keyout server.key -out server.csr"))
}

/// Makes `server.pem`, signed by an authority for what a section of the configuration says: `server` is this machine's
/// loopback.
pub(crate) fn sign(folder: &Path, authority: &str, section: &str) -> Option<()> {
    let sign = format!("x509 -req -in server.csr -CA {authority}.pem -CAkey {authority}.key -set_serial 2");
    openssl(folder, &format!("{sign} -days 2 -extfile openssl.cnf -extensions {section} -out server.pem"))
}

/// Two authorities and an index of one wheel, whose certificate is by the first of them.
pub(super) struct Company {
    // Ended before its folder goes.
    index: Child,
    port: u16,
    room: Room,
}

impl Company {
    /// `None` where this machine has no Python or no `openssl`, which is said.
    fn start() -> Option<Self> {
        Self::start_with(|folder| sign(folder, "company", "server"))
    }

    /// The same, with the certificate `server.pem` that is made of `server.csr` in this folder.
    pub(super) fn start_with(certify: impl FnOnce(&Path) -> Option<()>) -> Option<Self> {
        let room = Clients::find()?.room();
        let folder = room.path();
        fs::write(folder.join("openssl.cnf"), OPENSSL_CNF).unwrap();
        make_authority(&folder, "company")?;
        make_authority(&folder, "stranger")?;
        make_server_key(&folder)?;
        certify(&folder)?;
        write_index(&folder.join("index"));
        let mut command = room.command("python");
        command.args(["-c", include_str!("company_ca.py"), "index", "server.pem", "server.key"]);
        let mut index = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(index.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse();
        Some(Self { index, port: port.unwrap_or_else(|error| panic!("{error}: {line:?}")), room })
    }

    /// The certificate of an authority.
    pub(super) fn authority(&self, name: &str) -> PathBuf {
        self.room.path().join(format!("{name}.pem"))
    }

    /// Where the index is, for this host.
    pub(super) fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/simple/", self.port)
    }

    /// The lines of the requests that the index understood.
    pub(super) fn requests(&self) -> String {
        fs::read_to_string(self.room.path().join("requests.log")).unwrap_or_default()
    }

    /// Saves the wheel from the index at this host, with trust in this authority alone.
    fn save(&self, saved: &Saved, host: &str, authority: &str) -> Output {
        let mut command = saved.save_command(&self.url(host), &["teapot"]);
        command.env_remove("SSL_CERT_DIR").env("SSL_CERT_FILE", self.authority(authority));
        run(&mut command)
    }
}

impl Drop for Company {
    fn drop(&mut self) {
        let _ = self.index.kill();
        let _ = self.index.wait();
    }
}

fn wheel() -> WheelBuilder {
    WheelBuilder::new("teapot", "1.0")
}

/// Writes an index as a plain web server would serve it: a page and a file.
fn write_index(root: &Path) {
    let (filename, bytes) = (wheel().filename(), wheel().build());
    let page = format!(
        "<!DOCTYPE html><html><body><a href=\"../../files/{filename}#sha256={}\">{filename}</a></body></html>",
        sha256_hex(&bytes)
    );
    fs::create_dir_all(root.join("simple/teapot")).unwrap();
    fs::create_dir(root.join("files")).unwrap();
    fs::write(root.join("simple/teapot/index.html"), page).unwrap();
    fs::write(root.join("files").join(filename), bytes).unwrap();
}

#[test]
fn an_index_is_read_over_tls_that_the_authority_in_ssl_cert_file_vouches_for() {
    let Some(company) = Company::start() else { return };
    for host in ["127.0.0.1", "localhost"] {
        let saved = Saved::new();
        company.save(&saved, host, "company").assert_success();
        assert_eq!(saved.stored("teapot", &wheel().filename()), Some(wheel().build()));
        let url = format!("https://{host}:{}/files/{}", company.port, wheel().filename());
        assert_eq!(saved.record("teapot", &wheel().filename())["depot"]["origin"]["url"], url);
    }
    assert!(company.requests().contains("GET /simple/teapot/"), "{}", company.requests());
}

#[test]
fn an_authority_may_be_named_by_a_flag_or_by_what_pip_follows() {
    let Some(company) = Company::start() else { return };
    let save = |flag: Option<&str>, variables: &[(&str, &str)]| {
        let saved = Saved::new();
        let mut command =
            saved.save_command(&format!("https://localhost:{}/simple/", company.port), &["teapot"]);
        command.env_remove("SSL_CERT_DIR").env("SSL_CERT_FILE", company.authority("stranger"));
        if let Some(name) = flag {
            command.arg("--cacert").arg(company.authority(name));
        }
        for (variable, name) in variables {
            command.env(variable, company.authority(name));
        }
        run(&mut command)
    };
    save(Some("company"), &[]).assert_success();
    for variable in ["DEPOT_CACERT", "PIP_CERT", "REQUESTS_CA_BUNDLE"] {
        save(None, &[(variable, "company")]).assert_success();
    }
    save(None, &[("PIP_CERT", "company"), ("REQUESTS_CA_BUNDLE", "stranger")]).assert_success();
    save(Some("company"), &[("PIP_CERT", "stranger")]).assert_success();
    save(Some("stranger"), &[("PIP_CERT", "company")]).assert_code(3);
    save(None, &[]).assert_code(3);
    let said = save(Some("absent"), &[]).assert_code(1).stderr;
    assert!(said.contains("cannot read the certificates") && said.contains("absent.pem"), "{said}");
    fs::write(company.authority("empty"), "nothing").unwrap();
    let said = save(None, &[("PIP_CERT", "empty")]).assert_code(1).stderr;
    assert!(said.contains("holds no certificate") && said.contains("PIP_CERT"), "{said}");
    fs::create_dir(company.authority("folder")).unwrap();
    let said = save(Some("folder"), &[]).assert_code(1).stderr;
    assert!(said.contains("SSL_CERT_DIR"), "{said}");
}

#[test]
fn a_proxy_tunnels_to_an_index_over_tls_and_sees_nothing_of_it() {
    let Some(company) = Company::start() else { return };
    let (saved, proxy) = (Saved::new(), depot_tests::Proxy::start());
    let url = format!("https://me:pa55-w0rd@localhost:{}/simple/", company.port);
    let mut command = saved.save_command(&url, &["teapot", "-v"]);
    command.env("HTTPS_PROXY", proxy.url_with_credentials("bob", "pr0xy-pass"));
    let said = run(command.arg("--cacert").arg(company.authority("company"))).assert_success().stderr;
    assert!(!said.contains("pr0xy-pass") && !said.contains("pa55-w0rd"), "{said}");
    assert_eq!(saved.stored("teapot", &wheel().filename()), Some(wheel().build()));
    let requests = proxy.requests();
    assert!(!requests.is_empty());
    for request in requests {
        assert_eq!(
            (request.method.as_str(), request.target),
            ("CONNECT", format!("localhost:{}", company.port))
        );
        assert!(request.authorization.is_some() && request.origin_authorization.is_none());
    }
}

#[test]
fn a_certificate_by_an_authority_that_is_not_trusted_is_named_and_not_tried_again() {
    let Some(company) = Company::start() else { return };
    let (saved, asked) = (Saved::new(), Instant::now());
    let said = company.save(&saved, "127.0.0.1", "stranger").assert_code(3).stderr;
    let took = asked.elapsed();
    let error = said.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
    assert!(error.contains("teapot") && error.contains("certificate"), "{said}");
    assert!(error.contains("(1 attempt)"), "{said}");
    assert!(took < SOON, "it took {took:?}: {said}");
    assert!(saved.filenames("teapot").is_empty());
}
