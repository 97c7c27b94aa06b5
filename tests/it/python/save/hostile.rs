//! Indexes that mean harm: nothing is written outside the tree, and nothing is run on a terminal.

use depot_tests::{FakeFile, FakeIndex, Fault, WheelBuilder};

use super::STYLES;
use crate::python::depot::listing;
use crate::python::saved::{Saved, downloads};

#[test]
fn a_hostile_file_name_writes_nothing() {
    for style in STYLES {
        let pot = WheelBuilder::new("pot", "1.0");
        let mut index = FakeIndex::builder(style).wheel(&pot);
        for name in [
            "../../evil.whl",
            "../../../evil-1.0-py3-none-any.whl",
            "..\\..\\evil-1.0-py3-none-any.whl",
            "/tmp/evil-1.0.tar.gz",
            "pot-2.0/../../../../evil.tar.gz",
            "pot-2.0.tar.gz\0.whl",
            "pot-2.0\n.tar.gz",
            "pot-2.0\u{1b}[2J.tar.gz",
            "pot-2.0-py3-none-any.whl.json",
            ".pot-2.0.tar.gz",
            "..",
            "C:evil-2.0.tar.gz",
            "pot-2.0.tar.gz:evil",
            "evil-2.0.tar.gz",
            "evil-2.0-py3-none-any.whl",
            "-rf-2.0.tar.gz",
        ] {
            index = index.file("pot", FakeFile::new(name, b"evil".to_vec()));
        }
        let (index, saved) = (index.start(), Saved::new());
        for args in [&["pot"][..], &["pot", "--all-versions"], &["pot", "--all-versions", "--dry-run"]] {
            let said = saved.save(&index, args).assert_success();
            assert!(!said.stderr.contains('\u{1b}') && !said.stdout.contains('\u{1b}'), "{}", said.stderr);
            assert!(!said.stdout.contains("evil"), "{}", said.stdout);
        }
        assert_eq!(saved.filenames("pot"), [pot.filename()]);
        let around = listing(saved.around());
        let outside: Vec<_> = around.keys().filter(|path| !path.starts_with("tree")).collect();
        assert!(outside.is_empty(), "{outside:?}");
        let evil: Vec<_> = around.keys().filter(|path| path.to_string_lossy().contains("evil")).collect();
        assert!(evil.is_empty(), "{evil:?}");
        assert_eq!(downloads(&index), 1);
    }
}

#[test]
fn a_page_of_another_project_is_no_help_to_it() {
    for style in STYLES {
        // Both projects have pages; the page of one lists a newer file of the other.
        let (pot, lid) = (WheelBuilder::new("pot", "1.0"), WheelBuilder::new("lid", "9.0"));
        let index = FakeIndex::builder(style).wheel(&pot).file("pot", &lid).start();
        let saved = Saved::new();
        saved.save(&index, &["pot"]).assert_success();
        assert_eq!(saved.filenames("pot"), [pot.filename()]);
        assert!(saved.filenames("lid").is_empty());
    }
}

#[test]
fn a_redirect_to_another_scheme_or_round_in_circles_is_refused() {
    for style in STYLES {
        let pot = WheelBuilder::new("pot", "1.0");
        for target in ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:text/plain,x", "http://", "round"] {
            let (index, saved) = (FakeIndex::builder(style).wheel(&pot).start(), Saved::new());
            let path = FakeIndex::file_path("pot", &pot.filename());
            let target = if target == "round" { path.clone() } else { target.to_owned() };
            index.fault(&path, Fault::Redirect(target.clone()));
            let said = saved.save(&index, &["pot"]).assert_code(3);
            assert!(
                said.stderr.contains("redirect") || said.stderr.contains("followed"),
                "{target}: {}",
                said.stderr
            );
            assert!(saved.filenames("pot").is_empty());
            assert!(index.count(&path) < 10, "{target}");
        }
    }
}

#[test]
fn words_of_an_index_do_not_command_a_terminal() {
    for style in STYLES {
        let pot = WheelBuilder::new("pot", "1.0");
        let file = FakeFile::from(&pot).yanked("\u{1b}]0;owned\u{7}\u{1b}[2J\r\nerror: all is lost");
        let (index, saved) = (FakeIndex::builder(style).file("pot", file).start(), Saved::new());
        let said = saved.save(&index, &["pot"]).assert_code(3);
        assert!(!said.stderr.contains(['\u{1b}', '\u{7}', '\r']), "{:?}", said.stderr);
        assert!(!said.stderr.lines().any(|line| line.starts_with("error: all is lost")), "{}", said.stderr);
    }
}
