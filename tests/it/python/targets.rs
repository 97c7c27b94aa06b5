//! Which wheels fit a target and what markers say of it, as the library that pip is built on sees it.

use std::io::Write as _;
use std::process::Stdio;

use depot_proto::{Marker, Target};
use depot_tests::Clients;
use serde_json::{Value, json};

/// What packaging says of it.
fn oracle(clients: &Clients, asked: &Value) -> Value {
    let room = clients.room();
    let mut command = room.command("python");
    command.args(["-c", include_str!("targets/oracle.py")]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "packaging has no answer");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn target(text: &str) -> Target {
    text.parse().unwrap()
}

#[test]
fn the_wheels_that_fit_a_target_are_those_of_pip_in_its_order() {
    let Some(clients) = Clients::find() else { return };
    let targets = [
        "cp312-manylinux_2_28_x86_64",
        "cp38-manylinux_2_17_x86_64",
        "cp315-manylinux_2_40_aarch64",
        "cp37-manylinux_2_5_i686",
        "cp310-manylinux_2_31_armv7l",
        "cp311-manylinux_2_17_s390x",
        "cp312-manylinux_2_35_riscv64",
        "cp313t-manylinux_2_28_x86_64",
        "cp315t-win_amd64",
        "pp310-manylinux_2_28_x86_64",
        "pp311-macosx_13_0_arm64",
        "cp311-musllinux_1_2_x86_64",
        "cp312-musllinux_1_1_aarch64",
        "cp312-macosx_13_0_arm64",
        "cp36-macosx_26_1_arm64",
        "cp39-macosx_10_9_x86_64",
        "cp314-macosx_14_5_x86_64",
        "cp310-win_amd64",
        "cp311-win32",
        "cp312-win_arm64",
        "cp312-linux_x86_64",
    ];
    let said = oracle(&clients, &json!({ "tags": targets, "markers": [] }));
    for text in targets {
        let theirs: Vec<_> =
            said["tags"][text].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
        assert!(theirs.len() > 30, "{text}");
        let ours = target(text).tags().list();
        let differs = ours.iter().zip(&theirs).position(|(our, their)| our != their);
        assert!(ours.len() == theirs.len() && differs.is_none(), "{text}: {differs:?}\n{ours:?}\n{theirs:?}");
    }
}

/// Markers as files on the public index have them; extras after `|`.
const MARKERS: &[&str] = &[
    "python_version < '3.9'",
    "python_version>=\"3.10\"",
    "python_version<'3'",
    "python_version > '3.9'",
    "python_version <= '3.10'",
    "python_version == '3.9'",
    "python_version == '3.9.*'",
    "python_version == '3.*'",
    "python_version != '3.10'",
    "python_version ~= '3.8'",
    "python_version === '3.12'",
    "python_version >= '3.9.1'",
    "python_version < '3.12.4'",
    "python_full_version >= '3.12.0'",
    "python_full_version < '3.11.0a7'",
    "python_full_version == '3.9.*'",
    "python_version in '2.7 3.9 3.12'",
    "python_version in '2.7, 3.9, 3.12'",
    "python_version not in '3.9 3.10'",
    "python_version in \"2.6,2.7,3.2,3.3\"",
    "'3.9' <= python_version",
    "'3.8' > python_version",
    "python_version>=\"3.8\"and python_version<\"4\"",
    "python_version >= '2.7' and python_version < '3.0' or python_version >= '3.4'",
    "(python_version == '3.9' or python_version == '3.10') and os_name != 'java'",
    "sys_platform == 'win32'",
    "sys_platform != 'win32'",
    "sys_platform == \"linux\" or sys_platform == \"linux2\"",
    "sys_platform == 'darwin'",
    "'linux' in sys_platform",
    "'win' not in sys_platform",
    "sys_platform in 'linux darwin'",
    "sys_platform not in 'win32 cygwin'",
    "'win32' == sys_platform",
    "'' in sys_platform",
    "os_name == 'nt'",
    "os_name == \"posix\" and platform_machine == 'x86_64'",
    "os.name == 'nt'",
    "sys.platform == 'win32'",
    "platform.machine == 'AMD64'",
    "platform.python_implementation == 'CPython'",
    "python_implementation == 'CPython'",
    "platform_python_implementation != \"PyPy\"",
    "platform_python_implementation == 'CPython' and python_version < '3.13'",
    "implementation_name == 'pypy' and sys_platform == 'linux'",
    "implementation_version >= '3.9'",
    "implementation_version < '7.4'",
    "platform_system == 'Windows'",
    "platform_system == \"Darwin\" and platform_machine == 'arm64'",
    "platform_system != 'Windows' and (python_version < '3.10' or platform_machine == 'aarch64')",
    "platform_machine in 'x86_64 AMD64 arm64'",
    // As SQLAlchemy has it.
    "platform_machine == 'aarch64' or (platform_machine == 'ppc64le' or (platform_machine == 'x86_64' or \
     (platform_machine == 'amd64' or (platform_machine == 'AMD64' or (platform_machine == 'win32' or \
     platform_machine == 'WIN32')))))",
    "platform_release >= '20.0'",
    "platform_release == ''",
    "'Microsoft' in platform_release",
    "'tegra' not in platform_release",
    "platform_version == ''",
    "extra == 'socks'",
    "extra == 'socks'|socks",
    "extra == 'Use_Chardet.on-py3'|use-chardet-on-py3",
    "extra != 'socks'|socks",
    "extra == 'a' or extra == 'b'|b",
    "(extra == 'test') and python_version < '3.11'|test",
    "extra == 'test' and sys_platform == 'win32'|test other",
    "\"test\" == extra|test",
    "extra == 'foo bar'|foo",
];

const MACHINES: [&str; 7] = [
    "cp312-linux",
    "cp39-windows",
    "cp310-macos",
    "pp310-musllinux",
    "cp315-windows-arm64",
    "cp37-linux-aarch64",
    "cp311-macos-x86_64",
];

/// For each marker and target: whether depot says that it is true, and whether packaging does.
fn verdicts(clients: &Clients, markers: &[&str]) -> Vec<(String, bool, bool)> {
    let (mut cases, mut ours) = (Vec::new(), Vec::new());
    for text in markers {
        let (marker, extras) = text.split_once('|').unwrap_or((text, ""));
        let extras: Vec<String> = extras.split_whitespace().map(str::to_owned).collect();
        for machine in MACHINES {
            let environment = target(machine).environment().clone();
            let values: serde_json::Map<String, Value> = environment
                .values()
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect();
            cases.push(json!([marker, values, extras]));
            let marker: Marker = marker.parse().unwrap();
            ours.push((format!("{text} for {machine}"), marker.applies_in(&environment, &extras)));
        }
    }
    let said = oracle(clients, &json!({ "tags": [], "markers": cases }));
    let theirs = said["markers"].as_array().unwrap().iter().map(|verdict| verdict.as_bool().unwrap());
    assert_eq!(theirs.len(), ours.len());
    ours.into_iter().zip(theirs).map(|((case, our), their)| (case, our, their)).collect()
}

#[test]
fn markers_are_true_for_a_target_where_packaging_says_so() {
    let Some(clients) = Clients::find() else { return };
    let verdicts = verdicts(&clients, MARKERS);
    let differing: Vec<_> = verdicts.iter().filter(|(_, our, their)| our != their).collect();
    assert!(differing.is_empty(), "{differing:#?}");
    // Markers that are never, or always, true would prove little.
    let applying = verdicts.iter().filter(|(_, our, _)| *our).count();
    assert!(applying > verdicts.len() / 5 && applying < verdicts.len() * 4 / 5, "{applying}");
}

#[test]
fn markers_that_are_read_otherwise_than_by_packaging_are_known() {
    let Some(clients) = Clients::find() else { return };
    for (marker, machine, why) in [
        // The first release of a line stands for its pre-releases too, as in uv: nobody saves for those.
        ("python_full_version <= '3.11.0a6'", "cp311-macos-x86_64", "pre-releases of Python"),
        // Extras that are asked for together count together, as in uv; pip looks at each alone.
        ("extra == 'a' and extra == 'b'|a b", "cp312-linux", "two extras"),
        // What compares nothing that could be compared is passed over, as in uv.
        ("python_version == 'three'", "cp312-linux", "no version"),
    ] {
        let verdicts = verdicts(&clients, &[marker]);
        let case = verdicts.iter().find(|(case, ..)| case.ends_with(&format!("for {machine}"))).unwrap();
        assert_eq!((case.1, case.2), (true, false), "{why}");
    }
}
