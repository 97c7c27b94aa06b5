//! Settings that work, and are weaker than a server should have without a reason.

use std::{path::Path, time::Duration};

use super::{
    BOOTSTRAP_DAYS, Network, Transport, access, access::Readers, limits, log, repositories, setting::Setting,
    settings::Settings, transport,
};

/// Something that is weaker than recommended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Weakness {
    /// The setting's key, or the path of a file or folder.
    pub(crate) about: String,
    /// What it means, and what to do: a sentence without its full stop.
    pub(crate) why: String,
}

/// Beyond these a limit hardly limits.
const LARGE_FILE: u64 = 64 << 30;
const MANY_CONNECTIONS: usize = 100_000;
const LONG_TIMEOUT: Duration = Duration::from_mins(5);
const LARGE_PAGE_CACHE: u64 = 16 << 30;

const BOOTSTRAP_LIFE: Duration = Duration::from_secs(BOOTSTRAP_DAYS as u64 * 24 * 60 * 60);

/// What is weaker than recommended: files first, then settings.
pub(crate) fn weaknesses(settings: &Settings) -> Vec<Weakness> {
    let mut found = others_may(settings);
    let mut say =
        |setting: &'static Setting, why: String| found.push(Weakness { about: setting.key.to_owned(), why });
    if settings.is_beyond_loopback() {
        if settings.access.read == Readers::Everyone {
            let why = "every machine that reaches the server may read every package: say \"tokens\" unless all of them \
                       are public";
            say(&access::READ, why.to_owned());
        }
        if settings.transport == Transport::Plain {
            let why = "plain http beyond this machine: whoever is on the way can take tokens and change packages; say \
                       \"tls\", or put a proxy that speaks TLS in front";
            say(&transport::KIND, why.to_owned());
        }
    }
    carriers(settings, &mut say);
    sizes(settings, &mut say);
    let level = settings.log.level.0.to_ascii_lowercase();
    if level.split([',', '=']).any(|part| matches!(part.trim(), "debug" | "trace")) {
        let why =
            "it fills the log, and may show more of requests than should be kept: say \"info\" when done";
        say(&log::LEVEL, why.to_owned());
    }
    found
}

/// What others may read or write that they should not.
fn others_may(settings: &Settings) -> Vec<Weakness> {
    let mut found = Vec::new();
    let mut say = |path: &Path, why: &str| {
        found.push(Weakness { about: path.display().to_string(), why: why.to_owned() });
    };
    if let Some(file) = settings.file.as_ref().filter(|file| has_mode(file, 0o022)) {
        say(file, "others may write it, and so decide all of this: run `chmod go-w` on it");
    }
    let data_dir = &settings.server.data_dir;
    if has_mode(data_dir, 0o077) {
        say(data_dir, "others may enter it: run `chmod 700` on it");
    }
    let keys = std::fs::read_dir(data_dir.join("keys")).into_iter().flatten().flatten();
    let admin_token = data_dir.join("admin.token");
    let mut secrets: Vec<_> = keys.map(|key| key.path()).collect();
    secrets.sort();
    secrets.push(admin_token.clone());
    for secret in secrets.iter().filter(|path| has_mode(path, 0o077)) {
        say(secret, "others may read it: run `chmod 600` on it");
    }
    let made = std::fs::metadata(&admin_token).and_then(|token| token.modified());
    if made.ok().and_then(|made| made.elapsed().ok()).is_some_and(|age| age > BOOTSTRAP_LIFE) {
        say(
            &admin_token,
            "its token has expired, and a start makes a new one: issue tokens with less rights",
        );
    }
    found
}

fn carriers(settings: &Settings, say: &mut impl FnMut(&'static Setting, String)) {
    if let Transport::Proxy { trusted } = &settings.transport {
        for wide in trusted.iter().filter(|network| is_wide(network)) {
            let why = format!(
                "`{wide}` lets clients that are no proxy say who they are: name the addresses of the proxies alone"
            );
            say(&transport::TRUSTED_PROXIES, why);
        }
    }
    let is_used = |setting: &Setting| match settings.transport {
        Transport::Plain => false,
        Transport::Proxy { .. } => setting.key == transport::TRUSTED_PROXIES.key,
        Transport::Tls(_) => setting.key != transport::TRUSTED_PROXIES.key,
    };
    for setting in [&transport::CERTIFICATE, &transport::KEY, &transport::TRUSTED_PROXIES] {
        if settings.origin(setting).is_stated() && !is_used(setting) {
            say(setting, format!("it is set and not used, because `{}` says so", transport::KIND.key));
        }
    }
}

/// Limits that hardly limit.
fn sizes(settings: &Settings, say: &mut impl FnMut(&'static Setting, String)) {
    let limits = &settings.limits;
    let disk = "one upload may fill the disk: set it to little more than your largest file";
    if limits.max_file_size > LARGE_FILE {
        say(&limits::MAX_FILE_SIZE, disk.to_owned());
    }
    if limits.wire.connections > MANY_CONNECTIONS {
        say(&limits::CONNECTIONS, "so many connections can take all memory and descriptors".to_owned());
    }
    for (setting, period) in [
        (&limits::HEAD_TIMEOUT, limits.wire.head_timeout),
        (&limits::STALL_TIMEOUT, limits.wire.stall_timeout),
        (&limits::BODY_GRACE, limits.wire.body_grace),
    ] {
        if period > LONG_TIMEOUT {
            say(setting, "slow clients may keep their connections for a long time".to_owned());
        }
    }
    if limits.wire.min_body_rate == 0 {
        say(&limits::MIN_BODY_RATE, "a client may send a byte now and then, for ever".to_owned());
    }
    if limits.page_cache > LARGE_PAGE_CACHE {
        say(&limits::PAGE_CACHE, "rendered pages may take most of the memory".to_owned());
    }
    if settings.repositories.python.max_file_size.is_some_and(|size| size > LARGE_FILE) {
        say(repositories::max_file_size(), disk.to_owned());
    }
}

/// Whether a range is larger than any network of one's own: 10.0.0.0/8 and `fc00::/7` are the largest private ones.
fn is_wide(network: &Network) -> bool {
    network.prefix() < if network.is_ipv4() { 8 } else { 7 }
}

/// Whether any of these bits of its mode is set; not where there is nothing.
#[cfg(unix)]
fn has_mode(path: &Path, bits: u32) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & bits != 0)
}

#[cfg(not(unix))]
fn has_mode(_: &Path, _: u32) -> bool {
    false
}
