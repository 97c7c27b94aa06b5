//! devpi-server over a fresh folder, with one index that takes uploads.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use depot_tests::{run, send};
use serde_json::{Value, json};

use super::{DEADLINE, Venv};
use crate::{
    machine::{Core, Machine},
    process::{Service, free_address},
};

const PASSWORD: &str = "bench";

/// A running devpi-server.
pub(crate) struct Devpi {
    service: Service,
    home: PathBuf,
}

impl Devpi {
    /// Makes an empty server with the index `root/bench`, which takes uploads.
    ///
    /// # Errors
    ///
    /// It does not start, or does not take the index.
    pub(crate) fn start(home: &Path, machine: &Machine, venv: &Venv) -> Result<Self, String> {
        let index = json!({ "type": "stage", "bases": [], "volatile": false });
        Self::with(home, machine, venv, &index)
    }

    /// The same, but the index is a mirror of the one at this URL, which has a metadata file for each wheel.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub(crate) fn mirror(home: &Path, machine: &Machine, venv: &Venv, url: &str) -> Result<Self, String> {
        let index = json!({ "type": "mirror", "mirror_url": url, "mirror_provides_core_metadata": true, "volatile": false });
        Self::with(home, machine, venv, &index)
    }

    fn with(home: &Path, machine: &Machine, venv: &Venv, index: &Value) -> Result<Self, String> {
        let data = home.join("data");
        let mut init = venv.program(machine, Core::Server, "devpi-init", home);
        init.arg("--serverdir").arg(&data).args(["--no-root-pypi", "--root-passwd", PASSWORD]);
        let output = run(&mut init);
        if !output.success() {
            eprintln!("devpi-init said:\n{}", output.stderr);
            return Err("devpi-init failed".to_owned());
        }
        let address = free_address();
        let mut command = venv.program(machine, Core::Server, "devpi-server", home);
        command.arg("--serverdir").arg(&data);
        command.args(["--host", "127.0.0.1", "--port", address.rsplit(':').next().unwrap()]);
        let service =
            Service::start(command, &format!("http://{address}"), "/+api", &home.join("log"), DEADLINE)?;
        let devpi = Self { service, home: home.to_owned() };
        devpi.make_index(index)?;
        Ok(devpi)
    }

    /// `http://127.0.0.1:PORT`
    pub(crate) fn url(&self) -> &str {
        self.service.url()
    }

    fn make_index(&self, index: &Value) -> Result<(), String> {
        let login = format!(r#"{{"user":"root","password":"{PASSWORD}"}}"#);
        let answer = self.json("POST", "/+login", "", &login)?;
        let session = answer["result"]["password"].as_str().ok_or("devpi gives no session")?;
        let auth = format!("X-Devpi-Auth: {}\r\n", STANDARD.encode(format!("root:{session}")));
        self.json("PUT", "/root/bench", &auth, &index.to_string())?;
        Ok(())
    }

    fn json(&self, method: &str, path: &str, headers: &str, body: &str) -> Result<Value, String> {
        let host = self.url().trim_start_matches("http://");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             {headers}Connection: close\r\n\r\n{body}",
            body.len()
        );
        let answer = send(self.url(), request).map_err(|error| format!("{method} {path}: {error}"))?;
        if answer.status != 200 {
            return Err(format!("{method} {path}: {}", answer.status_line));
        }
        serde_json::from_slice(&answer.body).map_err(|error| format!("{method} {path}: {error}"))
    }

    /// Uploads files with `uv publish`, as it comes.
    ///
    /// # Errors
    ///
    /// uv ended otherwise than with 0; what it said is told to whoever runs the bench.
    pub(crate) fn publish(&self, machine: &Machine, venv: &Venv, files: &[PathBuf]) -> Result<(), String> {
        let home = self.home.join("uv");
        fs::create_dir_all(&home).unwrap();
        let mut command = venv.program(machine, Core::Load, "uv", &home);
        command.args(["publish", "--no-config", "--no-cache", "--trusted-publishing", "never"]);
        command.args(["--publish-url", &format!("{}/root/bench/", self.url())]);
        command.args(["--username", "root", "--password", PASSWORD]);
        let output = run(command.args(files));
        if output.success() {
            return Ok(());
        }
        eprintln!("uv publish said:\n{}", output.stderr);
        Err("uv publish failed".to_owned())
    }
}
