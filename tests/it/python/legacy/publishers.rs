//! The real tools publish what they built, twice, and what they published installs.

use std::fs;
use std::path::Path;

use depot_tests::{Client, Clients, Output, Room, WheelBuilder, run, sha256_hex};

use crate::python::depot::Depot;

/// A project whose name is not its module's.
const FLIT_MODULE: &str = "[tool.flit.module]\nname = \"tea_pot\"\n";

/// A server, and a room with the sources of a package: `tea-pot`, in the version that is asked for.
struct Workshop {
    depot: Depot,
    clients: Clients,
    room: Room,
}

impl Workshop {
    fn open(clients: Clients) -> Self {
        // Reading needs a token too, so that what checks before it uploads must be told one.
        let depot = Depot::start_with(&["--private"]);
        let room = clients.room();
        Self { depot, clients, room }
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.room.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The sources, for this build backend.
    fn sources(&self, backend: &str, requires: &str, more: &str) {
        self.write(
            "pyproject.toml",
            &format!(
                "[build-system]\nrequires = [\"{requires}\"]\nbuild-backend = \"{backend}\"\n\n[project]\n\
                 name = \"Tea.Pot\"\nversion = \"1.0\"\ndescription = \"A pot – für Tee\"\nreadme = \"README.md\"\n\
                 requires-python = \">=3.8\"\nkeywords = [\"tea\", \"pot\"]\nauthors = [{{ name = \"Ann\", email = \"ann@tea.example\" }}]\n\
                 classifiers = [\"Private :: Do Not Upload\", \"Programming Language :: Python :: 3\"]\n\
                 [project.urls]\nHome = \"https://tea.example/\"\n{more}"
            ),
        );
        self.write("README.md", "# Tea\n\nPour, and wait.\n");
        self.write("tea_pot/__init__.py", "\"\"\"A pot.\"\"\"\n__version__ = \"1.0\"\n");
    }

    /// Where uploads go.
    fn url(&self) -> String {
        format!("{}/python/", self.depot.url())
    }

    /// Where installers ask, with the administrator's token.
    fn index(&self) -> String {
        let url = format!("{}/python/simple/", self.depot.url());
        url.replace("http://", &format!("http://__token__:{}@", self.depot.token()))
    }

    /// What was built, by name.
    fn built(&self) -> Vec<String> {
        let entries = fs::read_dir(self.room.path().join("dist")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names
    }

    /// The paths of what was built, for tools that are told each.
    fn paths(&self) -> Vec<String> {
        self.built().iter().map(|name| format!("dist/{name}")).collect()
    }

    /// Fails unless these files are what the server has, byte for byte.
    #[track_caller]
    fn assert_published(&self, filenames: &[String]) {
        let token = self.depot.token();
        let page = self.depot.request("GET", "/python/simple/tea-pot/", Some(&token), "", b"");
        let page = crate::python::depot::body(&page);
        let mut listed: Vec<_> = page["files"].as_array().unwrap().iter().collect();
        listed.sort_by_key(|file| file["filename"].as_str().unwrap().to_owned());
        assert_eq!(listed.len(), filenames.len(), "{page}");
        for (file, filename) in listed.iter().zip(filenames) {
            let bytes = fs::read(self.room.path().join("dist").join(filename)).unwrap();
            assert_eq!(file["filename"], *filename);
            assert_eq!(file["hashes"]["sha256"], sha256_hex(&bytes));
        }
        self.depot.assert_tmp_is_empty();
    }

    /// Fails unless pip, uv and Poetry install what was published.
    #[track_caller]
    fn assert_installs(&self) {
        let (pip, uv) = (self.clients.room(), self.clients.room());
        pip.pip_install(&self.index(), ["Tea.Pot"]).assert_success();
        uv.uv_install(&self.index(), ["Tea.Pot"]).assert_success();
        for room in [&pip, &uv] {
            assert_eq!(room.installed_version("tea_pot"), "1.0");
        }
        let Some(clients) = Clients::find_with(Client::Poetry) else { return };
        let room = clients.room();
        let pyproject = format!(
            "[project]\nname = \"table\"\nversion = \"0\"\nrequires-python = \">=3.8,<4\"\n[tool.poetry]\n\
             package-mode = false\n[[tool.poetry.source]]\nname = \"depot\"\nurl = \"{}/python/simple/\"\n",
            self.depot.url()
        );
        fs::write(room.path().join("pyproject.toml"), pyproject).unwrap();
        let mut command = room.command_of(Client::Poetry);
        command
            .args(["add", "Tea.Pot"])
            .env("POETRY_HTTP_BASIC_DEPOT_USERNAME", "__token__")
            .env("POETRY_HTTP_BASIC_DEPOT_PASSWORD", self.depot.token());
        run(&mut command).assert_success();
        assert_eq!(room.installed_version("tea_pot"), "1.0");
    }

    /// Publishes twice by what this does, and installs.
    #[track_caller]
    fn assert_publishes(&self, filenames: &[String], publish: impl Fn() -> Output) {
        for _ in 0..2 {
            publish().assert_success();
            self.assert_published(filenames);
        }
        self.assert_installs();
    }

    /// Other bytes under the names that were published.
    fn change(&self, path: &str) {
        let wheel = WheelBuilder::new("Tea.Pot", "1.0").file("tea_pot/more.py", "x = 1\n");
        fs::write(self.room.path().join(path), wheel.build()).unwrap();
    }

    /// Builds with flit, which needs nothing but itself; with an sdist and a wheel in `dist/`.
    fn build_with_flit(&self) {
        self.sources("flit_core.buildapi", "flit_core >=3.11", FLIT_MODULE);
        run(self.room.command_of(Client::Flit).args(["build"])).assert_success();
        assert_eq!(self.built(), ["tea_pot-1.0-py3-none-any.whl", "tea_pot-1.0.tar.gz"]);
    }

    /// Builds with hatchling, in a version of the metadata that old tools can read.
    fn build_with_hatchling(&self) {
        let older = "core-metadata-version = \"2.4\"\n";
        let more = format!(
            "[tool.hatch.build.targets.wheel]\npackages = [\"tea_pot\"]\n{older}[tool.hatch.build.targets.sdist]\n{older}"
        );
        self.sources("hatchling.build", "hatchling", &more);
        run(self.room.command_of(Client::Hatchling).arg("build")).assert_success();
        assert_eq!(self.built(), ["tea_pot-1.0-py3-none-any.whl", "tea_pot-1.0.tar.gz"]);
    }
}

/// A workshop with this tool in it.
fn workshop(client: Client) -> Option<Workshop> {
    Clients::find_with(client).map(Workshop::open)
}

#[test]
fn twine_publishes_and_publishes_again() {
    let Some(shop) = workshop(Client::Hatchling) else { return };
    shop.build_with_hatchling();
    let twine = |more: &[&str]| {
        let (url, token) = (shop.url(), shop.depot.token());
        let mut command = shop.room.command("twine");
        command.args([
            "--no-color",
            "upload",
            "--non-interactive",
            "--disable-progress-bar",
            "--repository-url",
        ]);
        command.arg(&url).args(more).args(shop.paths());
        run(command.env("TWINE_USERNAME", "__token__").env("TWINE_PASSWORD", &token))
    };
    shop.assert_publishes(&shop.built(), || twine(&[]));
    shop.change("dist/tea_pot-1.0-py3-none-any.whl");
    let refused = twine(&[]).assert_code(1);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    // It breaks its lines where it likes.
    assert!(
        said.contains("409") && said.contains("File already exists ('tea_pot-1.0-py3-none-any.whl'"),
        "{said}"
    );
}

#[test]
fn the_old_twine_publishes_by_its_configuration_file_and_skips_what_exists() {
    let Some(shop) = workshop(Client::OldTwine) else { return };
    shop.build_with_hatchling();
    let pypirc = format!(
        "[distutils]\nindex-servers = depot\n[depot]\nrepository = {}\nusername = __token__\npassword = {}\n",
        shop.url(),
        shop.depot.token()
    );
    fs::write(shop.room.home().join(".pypirc"), pypirc).unwrap();
    let twine = |more: &[&str]| {
        let mut command = shop.room.command_of(Client::OldTwine);
        command.args(["--no-color", "upload", "--non-interactive", "--disable-progress-bar", "-r", "depot"]);
        run(command.args(more).args(shop.paths()))
    };
    shop.assert_publishes(&shop.built(), || twine(&[]));
    shop.change("dist/tea_pot-1.0-py3-none-any.whl");
    let refused = twine(&[]).assert_code(1);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("File already exists"), "{said}");
    let skipped = twine(&["--skip-existing"]).assert_success();
    let said = format!("{}{}", skipped.stdout, skipped.stderr);
    assert!(said.contains("Skipping tea_pot-1.0-py3-none-any.whl"), "{said}");
}

#[test]
fn uv_publishes_and_sees_what_is_published() {
    let Some(shop) = workshop(Client::Flit) else { return };
    shop.build_with_flit();
    let token = shop.depot.token();
    let uv = |more: &[&str]| {
        let mut command = shop.room.command("uv");
        command.args([
            "publish",
            "--publish-url",
            &shop.url(),
            "--token",
            &token,
            "--trusted-publishing",
            "never",
        ]);
        run(command.args(more).args(shop.paths()))
    };
    shop.assert_publishes(&shop.built(), || uv(&[]));
    let check = ["--check-url", &format!("{}/python/simple/", shop.depot.url())];
    let checked = uv(&check).assert_success();
    assert!(checked.stderr.contains("already exists, skipping"), "{}", checked.stderr);
    shop.change("dist/tea_pot-1.0-py3-none-any.whl");
    let refused = uv(&[]).assert_code(2);
    assert!(
        refused.stderr.contains("409 File already exists ('tea_pot-1.0-py3-none-any.whl'"),
        "{}",
        refused.stderr
    );
    let refused = uv(&check).assert_code(2);
    assert!(refused.stderr.contains("tea_pot-1.0-py3-none-any.whl"), "{}", refused.stderr);
}

#[test]
fn uv_checks_an_index_that_has_nothing_yet() {
    let Some(shop) = workshop(Client::Flit) else { return };
    shop.build_with_flit();
    let token = shop.depot.token();
    let check = format!("{}/python/simple/", shop.depot.url());
    let uv = || {
        let mut command = shop.room.command("uv");
        command.args(["publish", "--publish-url", &shop.url(), "--check-url", &check]);
        command.env("UV_PUBLISH_USERNAME", "__token__").env("UV_PUBLISH_PASSWORD", &token);
        run(command.args(shop.paths()))
    };
    shop.assert_publishes(&shop.built(), uv);
}

#[test]
fn poetry_builds_and_publishes() {
    let Some(shop) = workshop(Client::Poetry) else { return };
    shop.sources(
        "poetry.core.masonry.api",
        "poetry-core>=2.0",
        "[tool.poetry]\npackages = [{ include = \"tea_pot\" }]\n",
    );
    let poetry = |args: &[&str]| {
        let mut command = shop.room.command_of(Client::Poetry);
        command
            .args(args)
            .env("POETRY_REPOSITORIES_DEPOT_URL", shop.url())
            .env("POETRY_HTTP_BASIC_DEPOT_USERNAME", "__token__")
            .env("POETRY_HTTP_BASIC_DEPOT_PASSWORD", shop.depot.token());
        run(&mut command)
    };
    poetry(&["build"]).assert_success();
    shop.assert_publishes(&shop.built(), || poetry(&["publish", "-r", "depot"]));
    shop.change("dist/tea_pot-1.0-py3-none-any.whl");
    let refused = poetry(&["publish", "-r", "depot"]).assert_code(1);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("409"), "{said}");
    poetry(&["publish", "-r", "depot", "--skip-existing"]).assert_success();
}

#[test]
fn hatch_publishes_what_its_backend_built() {
    let Some(shop) = workshop(Client::Hatch) else { return };
    shop.build_with_hatchling();
    shop.assert_publishes(&shop.built(), || {
        let mut command = shop.room.command_of(Client::Hatch);
        command
            .args(["--no-color", "publish", "--no-prompt"])
            .env("HATCH_INDEX_REPO", shop.url())
            .env("HATCH_INDEX_USER", "__token__")
            .env("HATCH_INDEX_AUTH", shop.depot.token());
        run(&mut command)
    });
}

#[test]
fn flit_builds_and_publishes() {
    let Some(shop) = workshop(Client::Flit) else { return };
    shop.sources("flit_core.buildapi", "flit_core >=3.11", FLIT_MODULE);
    let flit = || {
        let mut command = shop.room.command_of(Client::Flit);
        command
            .arg("publish")
            // The same bytes each time.
            .env("SOURCE_DATE_EPOCH", "1600000000")
            .env("FLIT_INDEX_URL", shop.url())
            .env("FLIT_USERNAME", "__token__")
            .env("FLIT_PASSWORD", shop.depot.token());
        run(&mut command)
    };
    let filenames = ["tea_pot-1.0-py3-none-any.whl".to_owned(), "tea_pot-1.0.tar.gz".to_owned()];
    shop.assert_publishes(&filenames, flit);
}

#[test]
fn pdm_builds_and_publishes() {
    let Some(shop) = workshop(Client::Pdm) else { return };
    shop.sources("pdm.backend", "pdm-backend", "");
    let pdm = |args: &[&str]| {
        let mut command = shop.room.command_of(Client::Pdm);
        command
            .args(args)
            .env("PDM_PUBLISH_REPO", shop.url())
            .env("PDM_PUBLISH_USERNAME", "__token__")
            .env("PDM_PUBLISH_PASSWORD", shop.depot.token());
        run(&mut command)
    };
    pdm(&["build", "--no-isolation"]).assert_success();
    shop.assert_publishes(&shop.built(), || pdm(&["publish", "--no-build"]));
    shop.change("dist/tea_pot-1.0-py3-none-any.whl");
    let refused = pdm(&["publish", "--no-build"]).assert_code(1);
    assert!(format!("{}{}", refused.stdout, refused.stderr).contains("409"), "{}", refused.stderr);
    pdm(&["publish", "--no-build", "--skip-existing"]).assert_success();
}

#[test]
fn maturin_uploads_a_wheel() {
    let Some(shop) = workshop(Client::Maturin) else { return };
    let dist = shop.room.path().join("dist");
    fs::create_dir(&dist).unwrap();
    let wheel = WheelBuilder::new("Tea.Pot", "1.0").requires_python(">=3.8").metadata_line("Summary: A pot");
    fs::write(dist.join(wheel.filename()), wheel.build()).unwrap();
    let maturin = |more: &[&str]| {
        let mut command = shop.room.command_of(Client::Maturin);
        command.arg("upload").args(more).args(shop.paths());
        command
            .env("MATURIN_REPOSITORY_URL", shop.url())
            .env("MATURIN_USERNAME", "__token__")
            .env("MATURIN_PASSWORD", shop.depot.token());
        run(&mut command)
    };
    shop.assert_publishes(&[wheel.filename()], || maturin(&[]));
    shop.change(&Path::new("dist").join(wheel.filename()).to_string_lossy());
    let refused = maturin(&[]).assert_code(1);
    assert!(format!("{}{}", refused.stdout, refused.stderr).contains("already exists"), "{}", refused.stderr);
    maturin(&["--skip-existing"]).assert_success();
}
