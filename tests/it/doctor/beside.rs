//! What is found in other products: opt-in, by `.ci/doctor`, which installs them.

mod products;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use depot_tests::{
    FakeFile, FakeIndex, SdistBuilder, ServerProcess, Style, WheelBuilder, skipped, workspace_root,
};
use serde_json::Value;

use self::products::{Product, Venv};
use super::{doctor, document, own};

/// Where the table stands in docs/doctor.md.
const MARKS: [&str; 2] = ["<!-- the table of products begins -->\n", "<!-- the table of products ends -->\n"];

/// The same small set for everyone: wheels, one with a local version, and an sdist.
struct Packages {
    wheels: Vec<WheelBuilder>,
    sdist: SdistBuilder,
}

impl Packages {
    fn new() -> Self {
        let versions =
            (0..30).map(|number| if number == 0 { "1.0+lab.1".to_owned() } else { format!("1.{number}") });
        let wheels =
            versions.map(|version| WheelBuilder::new("Tea.Pot", &version).requires_python(">=3.8,<4"));
        Self { wheels: wheels.collect(), sdist: SdistBuilder::new("Tea.Pot", "1.0").requires_python(">=3.8") }
    }

    /// Writes them into a folder, and says where.
    fn write(&self, folder: &Path) -> Vec<PathBuf> {
        fs::create_dir_all(folder).unwrap();
        let wheels = self.wheels.iter().map(|wheel| (wheel.filename(), wheel.build()));
        let all = wheels.chain([(self.sdist.filename(), self.sdist.build())]);
        all.map(|(filename, bytes)| {
            let path = folder.join(filename);
            fs::write(&path, bytes).unwrap();
            path
        })
        .collect()
    }
}

/// What was found in one product.
struct Column {
    name: String,
    /// The level by the name of the check; what is well is there too.
    levels: BTreeMap<String, String>,
    /// What was seen where it is not well.
    seen: Vec<(String, String, String)>,
    tools: String,
}

impl Column {
    fn of(name: String, args: &[&str]) -> Self {
        let output = doctor(&[args, &["--project", "tea-pot", "--root"]].concat());
        assert!(matches!(output.code, Some(0 | 3)), "{name}: {:?} {}", output.code, output.stderr);
        let document = document(&output);
        let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
        let all = document["findings"].as_array().unwrap();
        let levels = all.iter().map(|finding| (text(finding, "id"), text(finding, "level"))).collect();
        let counts = &document["counts"];
        let tools = format!("{} / {} / {}", counts["failure"], counts["warning"], counts["note"]);
        Self { name, levels, seen: super::findings(&document), tools }
    }
}

#[test]
#[ignore = "starts other products; `.ci/doctor` installs them and runs it"]
fn other_products_are_looked_at_and_the_table_is_printed() {
    let Some(venv) = Venv::find() else {
        return skipped("doctor beside other products: `.ci/doctor` installs them");
    };
    let folder = tempfile::tempdir().unwrap();
    let room = |name: &str| {
        let path = folder.path().join(name);
        fs::create_dir(&path).unwrap();
        path
    };
    let packages = Packages::new();
    let files = packages.write(&room("packages"));

    let depot: ServerProcess = own::filled(&room("depot"), &[]);
    let token = depot.token();
    let url = format!("{}/python/simple/", depot.url());
    let upload = ["--upload", "doctor-test"];
    let mut columns = vec![Column::of(
        "depot-server".to_owned(),
        &[&[url.as_str(), "--token", &token], upload.as_slice()].concat(),
    )];

    let pypiserver = Product::pypiserver(&venv, &room("pypiserver"), &files);
    let to = [upload.as_slice(), &["--upload-url", &pypiserver.upload]].concat();
    columns.push(Column::of(
        venv.version("pypiserver"),
        &[&[pypiserver.index.as_str()], to.as_slice()].concat(),
    ));

    let devpi = Product::devpi(&venv, &room("devpi"), &files);
    let to = [upload.as_slice(), &["--upload-url", &devpi.upload]].concat();
    columns
        .push(Column::of(venv.version("devpi-server"), &[&[devpi.index.as_str()], to.as_slice()].concat()));

    let mut upstream = FakeIndex::builder(Style::Json);
    for wheel in &packages.wheels {
        upstream = upstream.file("tea-pot", FakeFile::from(wheel));
    }
    let upstream = upstream.sdist(&packages.sdist).start();
    let proxpi = Product::proxpi(&venv, &room("proxpi"), &upstream.url());
    columns.push(Column::of(venv.version("proxpi"), &[&proxpi.index]));

    let simple = Product::simple_repository_server(&venv, &room("simple"), &files);
    columns.push(Column::of(venv.version("simple-repository-server"), &[&simple.index]));

    let table = table(&columns);
    println!("{table}");
    for column in &columns {
        println!("{}:", column.name);
        for (id, level, seen) in &column.seen {
            println!("  {level:<8} {id:<26} {seen}");
        }
    }
    if std::env::var_os("DEPOT_WRITE_TABLE").is_some() {
        let path = workspace_root().join("docs/doctor.md");
        let page = fs::read_to_string(&path).unwrap();
        let (before, rest) = page.split_once(MARKS[0]).unwrap();
        let (_, after) = rest.split_once(MARKS[1]).unwrap();
        fs::write(&path, format!("{before}{}{table}{}{after}", MARKS[0], MARKS[1])).unwrap();
    }
}

/// One row for each check that some product does not pass.
fn table(columns: &[Column]) -> String {
    let mut table = "| check |".to_owned();
    for column in columns {
        let _ = write!(table, " {} |", column.name);
    }
    table.push_str("\n|---|");
    table.push_str(&"---|".repeat(columns.len()));
    table.push_str("\n| failures / warnings / notes |");
    for column in columns {
        let _ = write!(table, " {} |", column.tools);
    }
    table.push('\n');
    // In the order of the documentation, which is that of the areas.
    let page = fs::read_to_string(workspace_root().join("docs/doctor.md")).unwrap();
    let ids = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | ").map(|(id, _)| id.to_owned()));
    let mut told = Vec::new();
    for id in ids {
        let levels = columns.iter().map(|column| column.levels.get(&id).map_or("-", String::as_str));
        let levels: Vec<&str> = levels.collect();
        if told.contains(&id) || levels.iter().all(|level| matches!(*level, "-" | "ok")) {
            continue;
        }
        let _ = write!(table, "| `{id}` |");
        for level in levels {
            let _ = write!(table, " {} |", if level == "failure" { "**failure**" } else { level });
        }
        table.push('\n');
        told.push(id);
    }
    table
}
