//! Requirements that lead back to where they began.

use super::{Came, index, save, wheel};

/// Fails unless all is well, and what is saved installs with what its circle needs.
#[track_caller]
fn installs(came: &Came, root: &str, projects: &[(&str, &str)]) {
    came.failed(0);
    for (project, _) in projects {
        assert_eq!(came.saved.filenames(project).len(), 1, "{project}: {}", came.said.stderr);
    }
    let Some(installed) = came.installs(&[root]) else { return };
    for (project, version) in projects {
        assert_eq!(installed.installed_version(project), *version);
    }
}

#[test]
fn extras_that_call_for_each_other_come_to_an_end() {
    let one = wheel("one", "1", &["two[y] ; extra == 'x'"]).metadata_line("Provides-Extra: x");
    let two = wheel("two", "1", &["one[x] ; extra == 'y'", "leaf ; extra == 'y'"]);
    let index = index(&[one, two.metadata_line("Provides-Extra: y")]).start();
    installs(&save(&index, &["one[x]"], 0), "one[x]", &[("one", "1"), ("two", "1"), ("leaf", "2")]);
}

#[test]
fn three_that_require_each_other_come_to_an_end_where_only_older_ones_go_together() {
    let index = index(&[
        wheel("egg", "2", &["hen>=2"]),
        wheel("egg", "1", &["hen"]),
        wheel("hen", "2", &["nest[warm]"]),
        wheel("hen", "1", &["nest[warm]"]),
        wheel("nest", "1", &["egg<2 ; extra == 'warm'"]).metadata_line("Provides-Extra: warm"),
    ])
    .start();
    installs(&save(&index, &["egg"], 0), "egg", &[("egg", "1"), ("hen", "2"), ("nest", "1")]);
    // Where not even those do, the circle is told.
    let came = save(&index, &["egg>=2"], 3);
    came.says(
        "error: egg>=2: ",
        &["`egg==2` requires `hen>=2`", "`nest[warm]==1` requires `egg<2`", "you require `egg>=2`"],
    );
    came.failed(1);
    came.has(&[("egg", &[]), ("hen", &[]), ("nest", &[]), ("leaf", &["leaf-2-py3-none-any.whl"])]);
}

#[test]
fn a_project_that_requires_itself_with_its_extras_brings_them_all() {
    let all = wheel("suite", "3", &["suite[a,b] ; extra == 'all'", "leaf ; extra == 'a'"])
        .requires_dist("tool ; extra == 'b'")
        .requires_dist("suite[all] ; extra == 'b'");
    let all =
        ["a", "b", "all"].iter().fold(all, |it, extra| it.metadata_line(&format!("Provides-Extra: {extra}")));
    let index = index(&[all, wheel("tool", "1", &[])]).start();
    installs(
        &save(&index, &["suite[all]"], 0),
        "suite[all]",
        &[("suite", "3"), ("leaf", "2"), ("tool", "1")],
    );
}

#[test]
fn a_version_that_requires_another_of_itself_gives_way_to_one_that_does_not() {
    let index = index(&[wheel("snake", "2", &["snake<2"]), wheel("snake", "1", &[])]).start();
    installs(&save(&index, &["snake"], 0), "snake", &[("snake", "1")]);
    let came = save(&index, &["snake>=2"], 3);
    came.says("error: snake>=2: ", &["it requires another version of itself, `snake<2`"]);
    came.failed(1);
}

#[test]
fn markers_that_can_never_be_true_cost_nothing() {
    let never = "gone ; python_version < '3' and python_version > '3'";
    let nowhere = "gone ; sys_platform == 'win32' and sys_platform == 'linux'";
    let index = index(&[wheel("app", "1", &[never, nowhere, "gone ; extra == 'nobody'"])]).start();
    installs(&save(&index, &["app"], 0), "app", &[("app", "1")]);
    assert_eq!(index.count("/simple/gone/"), 0, "nobody is asked for what nothing needs");
}

#[test]
fn a_version_whose_markers_cannot_be_read_gives_way_to_an_older_one_with_a_warning() {
    let index = index(&[
        wheel("app", "2", &["leaf ; python_version >"]),
        wheel("app", "1", &["leaf"]),
        wheel("lone", "1", &["leaf ; colour == 'red'"]),
    ])
    .start();
    let came = save(&index, &["app", "lone"], 3);
    came.says(
        "warning: app 2 is passed over: ",
        &["its metadata cannot be read", "`leaf ; python_version >` is not a requirement"],
    );
    came.says("error: lone: ", &["`lone==1` cannot be used (its metadata cannot be read", "`colour`"]);
    came.failed(1);
    came.has(&[("app", &["app-1-py3-none-any.whl"]), ("lone", &[])]);
    came.installs(&["app"]);
}
