//! nginx over a folder of its own: one worker, its own port and pid file, set up to be fast.

use std::{
    fmt::Write as _,
    fs,
    net::TcpStream,
    path::Path,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::{
    machine::{Core, Machine},
    process::free_address,
};

const DEADLINE: Duration = Duration::from_secs(10);

/// A static file.
pub(crate) struct StaticFile<'a> {
    /// Its path, without a slash.
    pub(crate) name: String,
    pub(crate) content_type: &'a str,
    pub(crate) body: &'a [u8],
    /// Whether the body is gzipped: it then stands where nginx looks for it, beside an empty plain file.
    pub(crate) is_gzip: bool,
}

/// A running nginx; it is stopped when dropped.
pub(crate) struct Nginx {
    master: Child,
    url: String,
}

impl Nginx {
    /// Starts nginx in an empty folder over these files, and waits until it listens.
    pub(crate) fn start(folder: &Path, machine: &Machine, files: &[StaticFile<'_>]) -> Self {
        for inside in ["root", "body", "proxy", "fastcgi", "uwsgi", "scgi"] {
            fs::create_dir(folder.join(inside)).unwrap();
        }
        for file in files {
            let path = folder.join("root").join(&file.name);
            if file.is_gzip {
                fs::write(&path, "").unwrap();
                fs::write(path.with_extension("gz"), file.body).unwrap();
            } else {
                fs::write(path, file.body).unwrap();
            }
        }
        let address = free_address();
        fs::write(folder.join("nginx.conf"), configuration(&address, files)).unwrap();
        let mut command = machine.command(Core::Server, "nginx");
        command.arg("-p").arg(folder).args(["-e", "error.log", "-c", "nginx.conf"]);
        let mut nginx = Self { master: command.spawn().unwrap(), url: format!("http://{address}") };
        let started = Instant::now();
        while TcpStream::connect(&address).is_err() {
            let ended = nginx.master.try_wait().unwrap();
            if ended.is_some() || started.elapsed() > DEADLINE {
                let log = fs::read_to_string(folder.join("error.log")).unwrap_or_default();
                panic!("nginx does not listen ({ended:?}); its log:\n{log}");
            }
            thread::sleep(Duration::from_millis(10));
        }
        nginx
    }

    /// `http://127.0.0.1:PORT`
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGTERM, so that the master takes its worker along.
        let _ = kill_process(Pid::from_child(&self.master), Signal::TERM);
        let _ = self.master.wait();
    }
}

fn configuration(address: &str, files: &[StaticFile<'_>]) -> String {
    let mut text = String::new();
    if geteuid().is_root() {
        // The worker would else be a user who cannot read the folder.
        text.push_str("user root;\n");
    }
    let _ = write!(
        text,
        "daemon off;
worker_processes 1;
pid nginx.pid;
error_log error.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    etag on;
    gzip_static on;
    keepalive_timeout 65s;
    keepalive_requests 1000000000;
    # depot keeps the files open that are asked for, so nginx may too.
    open_file_cache max=100 inactive=10m;
    open_file_cache_valid 10m;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    types {{}}
    server {{
        listen {address};
        root root;
"
    );
    for file in files {
        let _ =
            writeln!(text, "        location = /{} {{ default_type \"{}\"; }}", file.name, file.content_type);
    }
    text.push_str("    }\n}\n");
    text
}
