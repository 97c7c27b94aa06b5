//! What the layers say together.

mod intent;
mod pages;
mod weak;

use std::{ffi::OsString, path::Path};

use super::*;
use crate::config::{ConfigFile, FileMode, KindConfig, Layer, Origin, value::Raw};

/// What is written where, for one test.
#[derive(Default)]
struct Written<'a> {
    flags: &'a [(&'a str, &'a str)],
    environment: &'a [(&'a str, &'a str)],
    file: &'a str,
    variables: &'a [(&'a str, &'a str)],
}

impl Written<'_> {
    fn settings(&self) -> Result<Settings, String> {
        let lookup = |name: &str| {
            let found = self.variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let file =
            ConfigFile::parse(Path::new("/etc/d.toml"), self.file).map_err(|error| error.to_string())?;
        let mut environment = layer(self.environment, |outside| Origin::Environment(outside.variable));
        if !self.file.contains("data_dir") {
            // Not that of whoever runs the tests.
            let origin = Origin::Environment("DEPOT_DATA_DIR");
            environment.entry(server::DATA_DIR.key).or_insert((Raw::Text("/nowhere".into()), origin));
        }
        let flags = layer(self.flags, |outside| Origin::Flag(outside.flag));
        let sources = Sources { flags, environment, file: Some(file), lookup: &lookup };
        Settings::read(&sources).map_err(|error| error.to_string())
    }
}

fn layer(written: &[(&str, &str)], origin: impl Fn(&setting::Outside) -> Origin) -> Layer {
    let of = |key: &str| setting::all().find(|setting| setting.key == key).unwrap();
    written
        .iter()
        .map(|(key, text)| {
            let setting = of(key);
            (setting.key, (Raw::Text(text.into()), origin(setting.outside.as_ref().unwrap())))
        })
        .collect()
}

fn flags(flags: &[(&str, &str)]) -> Result<Settings, String> {
    Written { flags, ..Written::default() }.settings()
}

fn file(file: &str) -> Result<Settings, String> {
    Written { file, ..Written::default() }.settings()
}

/// A setting's value as the file has it.
fn toml(settings: &Settings, key: &str) -> String {
    let entry = settings.entries.iter().find(|entry| entry.setting.key == key).unwrap();
    entry.toml.clone().unwrap_or_default()
}

#[test]
fn nothing_written_is_the_default() {
    let settings = file("").unwrap();
    assert_eq!(format!("{:?}", settings.config()), format!("{:?}", Config::new("/nowhere")));
    assert!(
        settings
            .entries
            .iter()
            .all(|entry| { entry.setting.key == server::DATA_DIR.key || entry.origin == Origin::Default })
    );
}

/// For each setting a value in the file, the environment and a flag, each another than the one before, the first another
/// than the default.
const VALUES: &[(&str, [&str; 3])] = &[
    ("server.data_dir", ["/srv/a", "/srv/b", "/srv/c"]),
    ("server.host", ["127.0.0.2", "127.0.0.3", "::1"]),
    ("server.port", ["1", "2", "65535"]),
    ("server.offline", ["true", "no", "1"]),
    ("access.read", ["tokens", "everyone", "tokens"]),
    ("access.metrics", ["readers", "", ""]),
    ("transport.kind", ["plain", "proxy", "plain"]),
    ("transport.certificate", ["/a.pem", "/b.pem", "/c.pem"]),
    ("transport.key", ["/a.key", "/b.key", "/c.key"]),
    ("transport.trusted_proxies", ["10.0.0.0/8", "::1,fd00::/8", "192.0.2.7/32"]),
    ("limits.max_file_size", ["1 GiB", "5 MB", "77"]),
    ("limits.max_project_size", ["9 GiB", "", ""]),
    ("limits.connections", ["5", "", ""]),
    ("limits.head_timeout", ["5s", "", ""]),
    ("limits.stall_timeout", ["1m", "", ""]),
    ("limits.min_body_rate", ["0", "", ""]),
    ("limits.body_grace", ["0", "", ""]),
    ("limits.page_cache", ["1 GB", "", ""]),
    ("publish.scan", ["clamscan", "", ""]),
    ("publish.scan_timeout", ["5s", "", ""]),
    ("log.level", ["warn", "error,hyper=debug", "trace"]),
    ("log.format", ["json", "text", "json"]),
    ("log.downloads", ["true", "no", "1"]),
    ("statistics.enabled", ["false", "", ""]),
    ("statistics.keep_days", ["30", "", ""]),
    ("oidc.publishers", ["/p.toml", "", ""]),
    ("oidc.audience", ["depot-acme", "", ""]),
    ("repositories.python.enabled", ["false", "", ""]),
    ("repositories.python.max_file_size", ["9 GiB", "", ""]),
    ("repositories.python.reserved", ["acme-*", "", ""]),
    ("repositories.python.policy", ["/p.toml", "", ""]),
    ("repositories.pypi.enabled", ["false", "", ""]),
    (
        "repositories.pypi.upstream",
        ["https://a.example/simple", "https://b.example/simple", "https://c.example/simple"],
    ),
    ("repositories.pypi.files", ["stream", "", ""]),
    ("repositories.pypi.max_size", ["9 GiB", "", ""]),
    ("repositories.pypi.page_ttl", ["1h", "", ""]),
    ("repositories.pypi.root_ttl", ["1h", "", ""]),
    ("repositories.pypi.missing_ttl", ["1m", "", ""]),
    ("repositories.pypi.timeout", ["2m", "", ""]),
    ("repositories.pypi.allow_http", ["true", "", ""]),
    ("repositories.pypi.allow_private", ["true", "", ""]),
    ("repositories.pypi.netrc", ["/netrc", "", ""]),
    ("repositories.pypi.policy", ["/p.toml", "", ""]),
    ("repositories.all.enabled", ["false", "", ""]),
    ("repositories.all.members", ["pypi, python", "", ""]),
    ("repositories.all.list_upstream", ["true", "", ""]),
    ("repositories.all.policy", ["/p.toml", "", ""]),
];

/// The value of a setting that is written in these layers, as the file has it, and the layer that it came from.
fn layered(key: &str, [in_file, in_environment, as_flag]: [&str; 3]) -> (String, &'static str) {
    // One file of TLS is nothing without the other.
    let rest = match key {
        "transport.certificate" => "transport.kind = \"tls\"\ntransport.key = \"/k\"\n",
        "transport.key" => "transport.kind = \"tls\"\ntransport.certificate = \"/c\"\n",
        _ => "",
    };
    let (environment, flags) = ([(key, in_environment)], [(key, as_flag)]);
    let written = Written {
        file: &format!("{rest}{key} = \"{in_file}\"\n"),
        environment: if in_environment.is_empty() { &[] } else { &environment },
        flags: if as_flag.is_empty() { &[] } else { &flags },
        variables: &[],
    };
    let settings = written.settings().unwrap_or_else(|error| panic!("{key}: {error}"));
    let setting = setting::all().find(|setting| setting.key == key).unwrap();
    (toml(&settings, key), settings.origin(setting).layer())
}

#[test]
fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
    let default = file("").unwrap();
    for &(key, [in_file, in_environment, as_flag]) in VALUES {
        let (value, layer) = layered(key, [in_file, "", ""]);
        assert_eq!(layer, "file", "{key}");
        assert!(value != toml(&default, key) || key == "transport.kind", "{key}");
        let setting = setting::all().find(|setting| setting.key == key).unwrap();
        assert_eq!(setting.outside.is_some(), !as_flag.is_empty(), "{key}");
        if setting.outside.is_none() {
            continue;
        }
        let (over_file, layer) = layered(key, [in_file, in_environment, ""]);
        assert_eq!(layer, "environment", "{key}");
        assert_ne!(over_file, value, "{key}");
        let (over_both, layer) = layered(key, [in_file, in_environment, as_flag]);
        assert_eq!(layer, "flag", "{key}");
        assert_ne!(over_both, over_file, "{key}");
    }
    let keys: Vec<_> = VALUES.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, setting::all().map(|setting| setting.key).collect::<Vec<_>>());
}

#[test]
fn every_type_can_be_written_as_itself_and_as_a_string() {
    for (text, key, value) in [
        ("[server]\nport = 81", "server.port", "81"),
        ("[server]\nport = \"81\"", "server.port", "81"),
        ("[server]\noffline = true", "server.offline", "true"),
        ("[server]\noffline = \"on\"", "server.offline", "true"),
        ("[server]\nhost = \"::1\"", "server.host", "\"::1\""),
        ("[limits]\nhead_timeout = 90", "limits.head_timeout", "\"90s\""),
        ("[limits]\nhead_timeout = \"2m\"", "limits.head_timeout", "\"2m\""),
        ("[limits]\nmax_file_size = 1024", "limits.max_file_size", "\"1 KiB\""),
        ("[limits]\nmax_file_size = \"1000\"", "limits.max_file_size", "1000"),
        (
            "[transport]\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]",
            "transport.trusted_proxies",
            "[\"10.0.0.0/8\", \"::1/128\"]",
        ),
        ("[transport]\ntrusted_proxies = \"10.0.0.1\"", "transport.trusted_proxies", "[\"10.0.0.1/32\"]"),
        ("[transport]\ntrusted_proxies = \"::1\"", "transport.kind", "\"proxy\""),
        ("[log]\nlevel = \"info,a=debug\"", "log.level", "\"info,a=debug\""),
    ] {
        let settings = file(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(toml(&settings, key), value, "{text}");
    }
}

#[test]
fn what_a_setting_cannot_be_is_refused_by_line_with_what_to_write() {
    for (text, line, words) in [
        ("[server]\nport = 65536", 2, "`server.port` cannot be `65536`: write a number from 0 to 65535"),
        ("[server]\n\nport = -1", 3, "`server.port` cannot be `-1`"),
        ("[server]\nport = true", 2, "`server.port` cannot be `true`"),
        ("[server]\nport = 80.5", 2, "`server.port` cannot be a fraction"),
        ("[server]\nport = 99999999999999999999", 2, "cannot be a number that is too large"),
        ("[server]\nhost = \"localhost\"", 2, "write an IP address"),
        ("[server]\noffline = 1", 2, "write true or false"),
        ("[server]\ndata_dir = \"\"", 2, "write a path"),
        ("[server]\ndata_dir = [\"a\"]", 2, "`server.data_dir` cannot be `a list`"),
        ("[server]\nport.x = 1", 2, "`server.port` cannot be a table"),
        ("[access]\nread = \"nobody\"", 2, "write everyone or tokens"),
        ("[access]\nread = 2020-01-01", 2, "cannot be a date"),
        ("[transport]\nkind = \"https\"", 2, "write tls, proxy or plain"),
        ("[transport]\ntrusted_proxies = [\"ten\"]", 2, "write ranges of addresses"),
        ("[transport]\ntrusted_proxies = []", 2, "name at least one"),
        ("[transport]\ntrusted_proxies = [1]", 2, "write a list of ranges"),
        ("[transport]\nkind = \"tls\"", 2, "name `transport.certificate`, or --tls-certificate FILE"),
        ("[transport]\ncertificate = \"/c\"", 2, "name `transport.key`, or --tls-key FILE"),
        ("[transport]\nkey = \"/k\"", 2, "name `transport.certificate`"),
        ("[transport]\nkey = \"/k\"\ntrusted_proxies = \"::1\"", 3, "say which is meant"),
        ("[limits]\nmax_file_size = \"2 gigs\"", 2, "write a size, such as \"2 GiB\""),
        ("[limits]\nmax_file_size = 0", 2, "`limits.max_file_size` must be from 1 to "),
        ("[limits]\nconnections = 0", 2, "must be from 1 to "),
        ("[limits]\nhead_timeout = \"10ms\"", 2, "must be from \"1s\" to \"1d\""),
        ("[limits]\nstall_timeout = \"soon\"", 2, "write a duration, such as \"30s\""),
        ("[limits]\nbody_grace = \"2d\"", 2, "must be from \"0s\" to \"1d\""),
        ("[log]\nlevel = \"inof\"", 2, "write off, error, warn"),
        ("[log]\nformat = \"xml\"", 2, "write text or json"),
        ("[repositories.python]\nmax_file_size = 0", 2, "`repositories.python.max_file_size` must be from 1"),
        ("[server]\nhost = \"${NOT_SET}\"", 2, "`server.host`: the variable `NOT_SET` is not set"),
        ("[log]\n\n\nlevel = \"$\"", 4, "`log.level`: a `$` begins"),
    ] {
        let said = file(text).expect_err(text);
        assert!(said.starts_with(&format!("/etc/d.toml:{line}: ")) && said.contains(words), "{text}: {said}");
    }
}

#[test]
fn outside_the_file_the_flag_or_the_variable_is_named() {
    let said = flags(&[("server.port", "http")]).unwrap_err();
    assert_eq!(said, "--port: `server.port` cannot be `http`: write a number from 0 to 65535");
    let environment = &[("access.read", "")];
    let said = Written { environment, ..Written::default() }.settings().unwrap_err();
    assert_eq!(said, "DEPOT_READ: `access.read` cannot be ``: write everyone or tokens");
}

#[test]
fn variables_are_expanded_where_a_value_is_used() {
    let variables = &[("PORT", "81"), ("RANGE", "10.0.0.0/8"), ("DIR", "/keys")];
    let file = "[server]\nport = \"${PORT}\"\n[transport]\ntrusted_proxies = [\"${RANGE}\", \"${OTHER:-::1}\"]\n\
                kind = \"proxy\"\nkey = \"${DIR}/$$k\"\n";
    let settings = Written { file, variables, ..Written::default() }.settings().unwrap();
    assert_eq!(settings.server.port, 81);
    assert_eq!(toml(&settings, "transport.trusted_proxies"), "[\"10.0.0.0/8\", \"::1/128\"]");
    // As the file would have it: the dollar is doubled again.
    assert_eq!(toml(&settings, "transport.key"), "\"/keys/$$k\"");

    // A flag hides what the file says, and so a variable that is not set.
    let file = "[server]\nport = \"${NOT_SET}\"\n";
    let flags = &[("server.port", "82")];
    assert_eq!(Written { flags, file, ..Written::default() }.settings().unwrap().server.port, 82);
    // A flag holds no variables.
    let said = Written { flags: &[("server.port", "${PORT}")], variables, ..Written::default() };
    assert!(said.settings().unwrap_err().contains("`${PORT}`"));
}

#[test]
fn what_a_variable_holds_is_not_repeated_in_a_refusal() {
    let variables = &[("SECRET", "hunter2"), ("PEM", "-----BEGIN PRIVATE KEY-----\nhunter2")];
    for key in setting::all().map(|setting| setting.key) {
        let (table, name) = key.rsplit_once('.').unwrap();
        for variable in ["SECRET", "PEM"] {
            let file = format!("[{table}]\n{name} = \"${{{variable}}}\"\n");
            let written = Written { file: &file, variables, ..Written::default() };
            if let Err(said) = written.settings() {
                assert!(!said.contains("hunter2"), "{said}");
            } else {
                // Paths and names, which are shown.
                let shown = ["data_dir", "certificate", "key", "publishers", "audience", "scan"];
                let shown = [&shown[..], &["reserved", "netrc", "policy"]].concat();
                assert!(shown.contains(&name), "{key}");
            }
        }
    }
    let pem = "-----BEGIN PRIVATE KEY-----\nhunter2";
    for written in [&[("transport.key", pem)][..], &[("transport.certificate", pem)], &[("log.level", pem)]] {
        let said = flags(written).unwrap_err();
        assert!(!said.contains("hunter2") && !said.contains("BEGIN"), "{said}");
    }
}

#[test]
fn paths_in_the_file_are_meant_from_its_folder() {
    let text = "[transport]\nkind = \"tls\"\ncertificate = \"tls/c.pem\"\nkey = \"/k.pem\"\n";
    let settings = file(text).unwrap();
    assert_eq!(toml(&settings, "transport.certificate"), "\"/etc/tls/c.pem\"");
    assert_eq!(toml(&settings, "transport.key"), "\"/k.pem\"");
    let flags = &[("transport.certificate", "c.pem")];
    let settings = Written { file: text, flags, ..Written::default() }.settings().unwrap();
    assert_eq!(toml(&settings, "transport.certificate"), "\"c.pem\"");
}

#[test]
fn a_repository_may_take_other_files_than_the_rest() {
    let text = "[limits]\nmax_file_size = 5\n[repositories.python]\nmax_file_size = 7\nenabled = false\n";
    let config = file(text).unwrap().config();
    assert_eq!((config.max_file_size, config.python_enabled), (7, false));
    assert_eq!(file("[limits]\nmax_file_size = 5\n").unwrap().config().max_file_size, 5);
}

#[test]
fn repositories_are_declared_with_a_kind_and_put_into_groups() {
    let text = "[repositories.pypi]\nupstream = \"https://me:secret@index.example/simple\"\nfiles = \"stream\"\n\
                [repositories.wheels]\nkind = \"directory\"\npath = \"w\"\n\
                [repositories.team]\nkind = \"group\"\nmembers = { wheels = 5, pypi = 90, python = 7 }\n\
                [repositories.python]\nreserved = [\"acme-*\", \"Inner\"]\n";
    let settings = file(text).unwrap();
    assert_eq!(toml(&settings, "repositories.pypi.upstream"), "\"https://***@index.example/simple/\"");
    let shown = |key: &str| {
        let entry = settings.entries.iter().find(|entry| entry.setting.key == key).unwrap();
        (entry.toml.clone().unwrap(), entry.origin.to_string())
    };
    assert_eq!(shown("repositories.team.members").0, "{ wheels = 5, python = 7, pypi = 90 }");
    assert_eq!(shown("repositories.wheels.path"), ("\"/etc/w\"".to_owned(), "/etc/d.toml:6".to_owned()));
    let config = settings.config();
    let reserved: Vec<_> = config.reserved.iter().map(ToString::to_string).collect();
    assert_eq!(reserved, ["acme-*", "inner"]);
    let names: Vec<_> = config.repositories.iter().map(|repository| repository.name.as_str()).collect();
    assert_eq!(names, ["pypi", "all", "team", "wheels"]);
    let KindConfig::Proxy(proxy) = &config.repositories[0].kind else { panic!("{config:?}") };
    assert_eq!((proxy.files, proxy.upstream.credentials().unwrap().user.as_str()), (FileMode::Stream, "me"));
    let KindConfig::Group(group) = &config.repositories[2].kind else { panic!("{config:?}") };
    let members: Vec<_> = group.members.iter().map(|(name, priority)| (name.as_str(), *priority)).collect();
    assert_eq!(members, [("wheels", 5), ("python", 7), ("pypi", 90)]);
}

#[test]
fn repositories_that_cannot_be_are_refused_by_their_line() {
    for (text, line, words) in [
        ("[repositories.a]\nkind = \"proxy\"\n", 2, "[repositories.a] needs `upstream`"),
        ("[repositories.a]\nkind = \"directory\"\n", 2, "[repositories.a] needs `path`"),
        ("[repositories.a]\nkind = \"group\"\n", 2, "[repositories.a] needs `members`"),
        (
            "[repositories.all]\nmembers = [\"pipy\"]\n",
            2,
            "one of them is no repository: there are `python`, `pypi`, `all`",
        ),
        ("[repositories.all]\nmembers = [\"all\"]\n", 2, "`all` is a group, and groups hold none"),
        ("[repositories.all]\nmembers = [\"pypi\", \"pypi\"]\n", 2, "name each repository once"),
        ("[repositories.all]\nmembers = { pypi = \"1\" }\n", 2, "write repositories with their priorities"),
        ("[repositories.python]\nreserved = [\"*\"]\n", 2, "`*` would reserve every name"),
        ("[repositories.pypi]\nupstream = \"ftp://a\"\n", 2, "https and http only"),
        ("[repositories.pypi]\nfiles = \"keep\"\n", 2, "write cache, stream or redirect"),
    ] {
        let said = file(text).map(|_| ()).unwrap_err();
        assert!(said.starts_with(&format!("/etc/d.toml:{line}: ")) && said.contains(words), "{text}: {said}");
    }
}
