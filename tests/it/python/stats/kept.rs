//! What is kept of the numbers, whatever becomes of the server.

use std::fs;
use std::time::Duration;

use depot_tests::{ServerProcess, WheelBuilder, binary, run};
use serde_json::{Value, json};

use super::{asked, path_of, pot, row, rows, stats};
use crate::python::depot::{Depot, body};

fn get(depot: &Depot, wheel: &WheelBuilder, times: usize) {
    for _ in 0..times {
        assert_eq!(depot.get(&path_of(wheel)).status, 200);
    }
}

#[test]
fn a_restart_keeps_what_was_counted() {
    let mut depot = Depot::start();
    depot.publish(&pot("1.0"));
    get(&depot, &pot("1.0"), 5);
    // Nobody asked for it before: the stop itself has it stored.
    depot.stop();
    assert_eq!(rows(&stats(&depot, &[]), "project"), [row("tea-pot", 5)]);
    depot.resume();
    assert_eq!(asked(&depot, "", None)["total"], 5);
    get(&depot, &pot("1.0"), 2);
    assert_eq!(stats(&depot, &[])["total"], 7);
}

#[test]
fn a_kill_loses_no_more_than_the_last_seconds() {
    let around = tempfile::tempdir().unwrap();
    let data = around.path().join("data");
    let mut server = ServerProcess::start(&data, [""; 0]);
    let wheel = pot("1.0");
    let get = |server: &ServerProcess, path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: depot\r\nConnection: close\r\n\r\n");
        depot_tests::send(server.url(), request).unwrap()
    };
    let put = format!(
        "PUT /python/simple/tea-pot/{} HTTP/1.1\r\nHost: depot\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
        wheel.filename(),
        server.token(),
        wheel.build().len()
    );
    let answer = depot_tests::send(server.url(), [put.as_bytes(), &wheel.build()].concat()).unwrap();
    assert_eq!(answer.status, 201);
    for _ in 0..6 {
        assert_eq!(get(&server, &path_of(&wheel)).status, 200);
    }
    // The server adds them by itself within seconds, and who asks then sees them.
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while body(&get(&server, "/api/stats"))["total"] != 6 {
        assert!(std::time::Instant::now() < deadline, "nothing was added");
        std::thread::sleep(Duration::from_millis(100));
    }
    server.kill9();
    let mut command = std::process::Command::new(binary("depot-server"));
    command.env_clear().args(["stats", "--format", "json", "--data-dir"]).arg(&data);
    let said: Value = serde_json::from_str(&run(&mut command).assert_success().stdout).unwrap();
    assert_eq!(said["total"], 6, "{said}");
}

#[test]
fn the_numbers_outlive_the_files_and_the_store_of_packages() {
    let mut depot = Depot::start();
    for version in ["1.0", "2.0"] {
        depot.publish(&pot(version));
        get(&depot, &pot(version), 3);
    }
    let gone = json!({ "project": "tea-pot", "version": "1.0" }).to_string();
    let deleted = depot.request(
        "POST",
        "/python/_/delete",
        Some(&depot.token()),
        "Content-Type: application/json\r\n",
        gone.as_bytes(),
    );
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    assert_eq!(depot.get(&path_of(&pot("1.0"))).status, 410);
    let known = stats(&depot, &["--project", "tea-pot"]);
    assert_eq!(known["total"], 6);
    depot.stop();
    // The index of the tree is built again; what was counted lies elsewhere.
    fs::write(depot.data_dir().join("store/sled/db"), vec![0x55; 600_000]).unwrap();
    depot.resume();
    assert_eq!(depot.listed("tea-pot").len(), 1);
    assert_eq!(stats(&depot, &["--project", "tea-pot"]), known);
    // And where that is damaged, everything else is as it was, and counting begins anew.
    depot.stop();
    let folder = depot.data_dir().join("store/counters");
    fs::write(folder.join("db"), vec![0x55; 600_000]).unwrap();
    for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    depot.resume();
    get(&depot, &pot("2.0"), 1);
    assert_eq!(stats(&depot, &[])["total"], 1);
}

#[test]
fn a_backup_and_an_export_carry_them() {
    let depot = Depot::start();
    depot.publish(&pot("1.0"));
    get(&depot, &pot("1.0"), 4);
    let (backup, export) = (depot.around().join("backup"), depot.around().join("all.jsonl"));
    depot.admin(&["backup", backup.to_str().unwrap()]).assert_success();
    depot.admin(&["export", export.to_str().unwrap()]).assert_success();
    let known = stats(&depot, &["--project", "tea-pot", "--by", "client"]);
    assert_eq!(known["total"], 4);
    let imported = depot.around().join("imported");
    let server = |args: &[&str], folder: &std::path::Path| {
        let mut command = std::process::Command::new(binary("depot-server"));
        command.env_clear().args(args).arg("--data-dir").arg(folder);
        run(&mut command).assert_success().stdout
    };
    server(&["import", export.to_str().unwrap()], &imported);
    for folder in [&backup, &imported] {
        let args = ["stats", "--project", "tea-pot", "--by", "client", "--format", "json"];
        let said: Value = serde_json::from_str(&server(&args, folder)).unwrap();
        assert_eq!(said, known);
    }
}
