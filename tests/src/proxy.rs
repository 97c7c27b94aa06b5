//! A forward proxy as companies have them: it tunnels (`CONNECT`) and fetches (`GET http://...`), and remembers for whom.

use std::io::{self, Read, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// One request that a proxy saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxiedRequest {
    /// `CONNECT`, `GET`, ...
    pub method: String,
    /// `host:port` of a tunnel, the whole URL of anything else.
    pub target: String,
    /// The `Proxy-Authorization` header.
    pub authorization: Option<String>,
    /// The `Authorization` header, which is for whom the request is meant, and not seen in a tunnel.
    pub origin_authorization: Option<String>,
}

/// A running proxy; it listens for as long as the test runs, and refuses nobody.
#[derive(Debug)]
pub struct Proxy {
    address: String,
    log: Arc<Mutex<Vec<ProxiedRequest>>>,
}

impl Proxy {
    /// Starts one on this machine.
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let log = Arc::new(Mutex::new(Vec::new()));
        let of = Arc::clone(&log);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let log = Arc::clone(&of);
                // A client that goes away in the middle is no failure of the proxy.
                thread::spawn(move || drop(serve(client, &log)));
            }
        });
        Self { address, log }
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same with a user and password in it.
    pub fn url_with_credentials(&self, user: &str, password: &str) -> String {
        format!("http://{user}:{password}@{}", self.address)
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<ProxiedRequest> {
        self.log.lock().unwrap().clone()
    }
}

fn serve(mut client: TcpStream, log: &Mutex<Vec<ProxiedRequest>>) -> io::Result<()> {
    let head = read_head(&mut client)?;
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
    let header = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| (*value).to_owned())
    };
    log.lock().unwrap().push(ProxiedRequest {
        method: method.clone(),
        target: target.clone(),
        authorization: header("proxy-authorization"),
        origin_authorization: header("authorization"),
    });
    if method == "CONNECT" {
        let server = TcpStream::connect(&target)?;
        client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
        return join(client, server);
    }
    let rest = target.strip_prefix("http://").unwrap_or_default();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut server = TcpStream::connect(host)?;
    let mut request = format!("{method} /{path} HTTP/1.1\r\nConnection: close\r\n");
    for (name, value) in &headers {
        if !name.to_ascii_lowercase().starts_with("proxy-") && !name.eq_ignore_ascii_case("connection") {
            request.extend([*name, ": ", *value, "\r\n"]);
        }
    }
    server.write_all(format!("{request}\r\n").as_bytes())?;
    join(client, server)
}

/// The request's head, and nothing of what follows.
fn read_head(client: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Carries bytes both ways until the server ends.
fn join(client: TcpStream, server: TcpStream) -> io::Result<()> {
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let (mut from_server, mut to_client) = (server, client);
    io::copy(&mut from_server, &mut to_client)?;
    to_client.shutdown(Shutdown::Both)
}
