//! The clients themselves, end to end: `clients` beside this folder has what each of them does beyond this.
//!
//! Not here, because they upload by the multipart API or are not among the tests' clients yet: `uv publish --check-url`
//! and `twine upload`, each twice, and `pdm add`.

use std::fs;

use depot_tests::{Client, Clients, Room, WheelBuilder, run};

use super::assert_each_holds;
use crate::python::index::{Built, Index};

struct Stock {
    depot: Index,
    pot: Built,
    lid: Built,
    clients: Clients,
}

impl Stock {
    #[track_caller]
    fn assert_installed(room: &Room) {
        assert_eq!(
            (room.installed_version("tea_pot"), room.installed_version("lid")),
            ("1.0".into(), "2.0".into())
        );
    }
}

#[test]
fn clients_install() {
    let Some(clients) = Clients::find() else { return };
    let depot = Index::start();
    let pot = depot.publish(&WheelBuilder::new("tea-pot", "1.0").requires_dist("lid"));
    let lid = depot.publish(&WheelBuilder::new("lid", "2.0"));
    let poetry = Clients::find_with(Client::Poetry).is_some();
    let items: &[super::Item<Stock>] = &[
        ("pip install", |stock| {
            let room = stock.clients.room();
            room.pip_install(&stock.depot.url(), ["tea-pot"]).assert_success();
            Stock::assert_installed(&room);
        }),
        ("pip download --no-deps", |stock| {
            let room = stock.clients.room();
            room.pip_download(&stock.depot.url(), &room.path(), ["--no-deps", "tea-pot"]).assert_success();
            assert!(fs::read(room.path().join(&stock.pot.filename)).unwrap() == stock.pot.bytes);
            assert!(!room.path().join(&stock.lid.filename).exists());
        }),
        ("pip install --require-hashes", |stock| {
            let room = stock.clients.room();
            let line = |name: &str, file: &Built| format!("{name} --hash=sha256:{}\n", file.sha256());
            let list = line("tea-pot==1.0", &stock.pot) + &line("lid==2.0", &stock.lid);
            fs::write(room.path().join("locked.txt"), list).unwrap();
            room.pip_install(&stock.depot.url(), ["--require-hashes", "-r", "locked.txt"]).assert_success();
            Stock::assert_installed(&room);
        }),
        ("uv pip install", |stock| {
            let room = stock.clients.room();
            room.uv_install(&stock.depot.url(), ["tea-pot"]).assert_success();
            Stock::assert_installed(&room);
        }),
        ("poetry add", |stock| {
            let room = stock.clients.room();
            let source =
                format!("[[tool.poetry.source]]\nname = \"depot\"\nurl = \"{}\"\n", stock.depot.url());
            let project = "[project]\nname = \"x\"\nversion = \"0\"\nrequires-python = \">=3.8\"\n\n";
            fs::write(
                room.path().join("pyproject.toml"),
                format!("{project}[tool.poetry]\npackage-mode = false\n\n{source}"),
            )
            .unwrap();
            run(room.command_of(Client::Poetry).args(["add", "tea-pot"])).assert_success();
            Stock::assert_installed(&room);
        }),
    ];
    let items = if poetry { items } else { &items[..items.len() - 1] };
    assert_each_holds("clients", &Stock { depot, pot, lid, clients }, items);
}
