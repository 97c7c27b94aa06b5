//! `depot-server reindex | scrub | gc | export | import | backup`.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Mutex, PoisonError},
};

use anyhow::Context as _;
use serde_json::json;

use super::{
    args::{BackupArgs, ExportArgs, GcArgs, ImportArgs, OutputFormat, ReindexArgs, ScrubArgs},
    ask, ask_and_hear, expect_data_dir, print, refused, say, unexpected,
};
use crate::{
    admin::{self, AdminAnswer, AdminRequest, Said, Swept},
    app::boot,
    config::Config,
    private,
    python::scrub::{Finding, Outcome, Scrubbed},
    store::{export::Counts, records::Serial},
};

/// Done, but something is damaged, and someone must see to it.
const DAMAGED: u8 = 3;

/// How far a verb is goes to standard error.
fn tell_progress(said: Said) -> bool {
    if let Said::Progress(words) = said {
        say(&format!("depot-server: {words}"));
    }
    true
}

pub(super) fn reindex(args: &ReindexArgs) -> anyhow::Result<ExitCode> {
    let (projects, files) = match ask(&args.data_dir, AdminRequest::Reindex)? {
        AdminAnswer::Reindexed { projects, files } => (projects, files),
        other => return Err(unexpected(&other)),
    };
    if args.format == OutputFormat::Json {
        let answer = json!({ "schema": "depot.reindex/1", "projects": projects, "files": files });
        print(&format!("{answer:#}"));
    } else {
        print(&format!("read {projects} projects with {files} files from the tree"));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn scrub(args: &ScrubArgs) -> anyhow::Result<ExitCode> {
    let request = AdminRequest::Scrub { quarantine: args.quarantine, rate: args.rate };
    let scrubbed = match ask_and_hear(&args.data_dir, request, &tell_progress)? {
        AdminAnswer::Scrubbed { scrubbed } => scrubbed,
        other => return Err(unexpected(&other)),
    };
    let damaged = scrubbed.findings.iter().filter(|finding| finding.is_damage()).count();
    match args.format {
        OutputFormat::Json => {
            let Scrubbed { files, bytes, findings } = &scrubbed;
            let answer = json!({ "schema": "depot.scrub/1", "files": files, "bytes": bytes,
                "damaged": damaged, "findings": findings });
            print(&format!("{answer:#}"));
        }
        OutputFormat::Text => {
            scrubbed.findings.iter().for_each(|finding| print(&line(finding)));
            let (files, mib) = (scrubbed.files, scrubbed.bytes >> 20);
            let of = |outcome| scrubbed.findings.iter().filter(|finding| finding.outcome == outcome).count();
            let (mended, taken) = (of(Outcome::Mended), of(Outcome::Quarantined));
            print(&format!(
                "read {files} files, {mib} MiB: {damaged} damaged ({taken} in quarantine), {mended} mended"
            ));
        }
    }
    Ok(if damaged > 0 { ExitCode::from(DAMAGED) } else { ExitCode::SUCCESS })
}

fn line(finding: &Finding) -> String {
    let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let (outcome, fault) = (word(json!(finding.outcome)), word(json!(finding.fault)));
    let Finding { project, filename, detail, .. } = finding;
    format!("{outcome}: {project}/{filename}: {fault}: {detail}")
}

pub(super) fn gc(args: &GcArgs) -> anyhow::Result<ExitCode> {
    let older_than = args.older_than.saturating_mul(60 * 60);
    let request = AdminRequest::Gc { older_than, dry_run: args.dry_run };
    let config = Config::new(args.data_dir.resolve()?);
    let swept = match ask_running(&config, &request)? {
        Some(AdminAnswer::Swept { swept }) => swept,
        Some(other) => return Err(unexpected(&other)),
        // Not by opening it, which would sweep whatever its age.
        None => sweep_stopped(&config, older_than, args.dry_run)?,
    };
    let Swept { removed, bytes, young, needed } = &swept;
    if args.format == OutputFormat::Json {
        let answer = json!({ "schema": "depot.gc/1", "dry-run": args.dry_run, "removed": removed,
            "bytes": bytes, "young": young, "needed": needed });
        print(&format!("{answer:#}"));
    } else {
        for path in removed {
            print(&path.display().to_string());
        }
        let what = if args.dry_run { "would remove" } else { "removed" };
        say(&format!(
            "{what} {} files with {bytes} bytes; {young} are younger, {needed} are still needed",
            removed.len()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn ask_running(config: &Config, request: &AdminRequest) -> anyhow::Result<Option<AdminAnswer>> {
    #[cfg(unix)]
    {
        let socket = config.admin_socket();
        let answer = admin::socket::ask(&socket, request, &tell_progress);
        answer
            .with_context(|| format!("cannot ask the server at `{}`", socket.display()))?
            .map(refused)
            .transpose()
    }
    #[cfg(not(unix))]
    Ok(None)
}

fn sweep_stopped(config: &Config, older_than: u64, dry_run: bool) -> anyhow::Result<Swept> {
    expect_data_dir(config)?;
    let _lock = boot::lock(config)?;
    admin::sweep(config, older_than, dry_run).map_err(anyhow::Error::msg)
}

pub(super) fn export(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    if args.file == Path::new("-") {
        if args.format == OutputFormat::Json {
            anyhow::bail!(
                "`--format json` prints to standard output, where `-` has the export go: name a file"
            );
        }
        let exported = export_to(args, Sink::Plain(BufWriter::new(Box::new(io::stdout()))))?;
        say(&exported.in_words());
        return Ok(ExitCode::SUCCESS);
    }
    let cannot = || format!("cannot write `{}`", args.file.display());
    let target = Target::of(&args.file).with_context(cannot)?;
    let file = target.open().with_context(cannot)?;
    let compressed = args.file.extension().is_some_and(|extension| extension == "zst");
    let sink = if compressed {
        zstd::Encoder::new(file, 0).map(Sink::Zstd).with_context(cannot)?
    } else {
        Sink::Plain(BufWriter::new(Box::new(file)))
    };
    let exported = export_to(args, sink).and_then(|exported| {
        target.finish().with_context(cannot)?;
        Ok(exported)
    });
    if exported.is_err() {
        target.clear();
    }
    let exported = exported?;
    if args.format == OutputFormat::Json {
        let Exported { counts, serial } = &exported;
        let answer = json!({ "schema": "depot.export-result/1", "file": args.file, "files": counts.files,
            "tokens": counts.tokens, "serial": serial });
        print(&format!("{answer:#}"));
    } else {
        say(&exported.in_words());
    }
    Ok(ExitCode::SUCCESS)
}

/// What an export is written into.
enum Target {
    /// A pipe, a device or whatever else is no file: it is there, and stays what it is.
    There(PathBuf),
    /// A file, which is written aside and takes its name when it is whole and on the disk.
    New {
        /// Where it is written.
        aside: PathBuf,
        /// Its name.
        file: PathBuf,
    },
}

impl Target {
    /// What a name means now. A link stays, and what it leads to is written.
    fn of(file: &Path) -> io::Result<Self> {
        let file = match fs::symlink_metadata(file).map(|found| found.is_symlink()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            // A pipe behind `/dev/stdout` has no path of its own.
            Ok(true) if !fs::metadata(file)?.is_file() => return Ok(Self::There(file.to_owned())),
            Ok(true) => file.canonicalize()?,
            Ok(false) | Err(_) => file.to_owned(),
        };
        match fs::symlink_metadata(&file) {
            Ok(found) if !found.is_file() => Ok(Self::There(file)),
            _ => Ok(Self::New { aside: private::scratch(&file)?, file }),
        }
    }

    fn open(&self) -> io::Result<File> {
        match self {
            Self::There(path) => File::options().write(true).open(path),
            Self::New { aside, .. } => private::create_file(aside),
        }
    }

    /// All of it is written.
    fn finish(&self) -> io::Result<()> {
        let Self::New { aside, file } = self else { return Ok(()) };
        File::open(aside)?.sync_all()?;
        private::take_name(aside, file)
    }

    /// It came to nothing.
    fn clear(&self) {
        if let Self::New { aside, .. } = self {
            let _ = fs::remove_file(aside);
        }
    }
}

/// Where the lines of an export go.
enum Sink {
    Plain(BufWriter<Box<dyn Write + Send>>),
    Zstd(zstd::Encoder<'static, File>),
}

impl Sink {
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(plain) => plain.write_all(line),
            Self::Zstd(zstd) => zstd.write_all(line),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(mut plain) => plain.flush(),
            Self::Zstd(zstd) => zstd.finish().map(drop),
        }
    }
}

/// What an export holds.
struct Exported {
    counts: Counts,
    serial: Serial,
}

impl Exported {
    fn in_words(&self) -> String {
        let Self { counts: Counts { files, tokens, .. }, serial } = self;
        format!("exported {files} files and {tokens} tokens, up to change {serial}")
    }
}

/// Writes an export.
fn export_to(args: &ExportArgs, sink: Sink) -> anyhow::Result<Exported> {
    let sink = Mutex::new((sink, None));
    let tell = |said| match said {
        Said::Line(line) => {
            let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
            sink.1 = sink.0.write(&line).err();
            sink.1.is_none()
        }
        said @ Said::Progress(_) => tell_progress(said),
    };
    let answer = ask_and_hear(&args.data_dir, AdminRequest::Export, &tell);
    let (sink, failed) = sink.into_inner().unwrap_or_else(PoisonError::into_inner);
    let cannot = || format!("cannot write `{}`", args.file.display());
    // What ended the verb is why it ended.
    failed.map_or(Ok(()), Err).with_context(cannot)?;
    match answer? {
        AdminAnswer::Exported { counts, serial } => {
            sink.finish().with_context(cannot)?;
            Ok(Exported { counts, serial })
        }
        other => Err(unexpected(&other)),
    }
}

pub(super) fn import(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let config = Config::new(args.data_dir.resolve()?);
    let input: Box<dyn Read> = if args.file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        let file =
            File::open(&args.file).with_context(|| format!("cannot read `{}`", args.file.display()))?;
        Box::new(file)
    };
    crate::telemetry::start("warn", crate::telemetry::LogFormat::Text)?;
    let imported = admin::import::import(&config, &mut *decompressed(input)?)?;
    let (files, tokens) = (imported.counts.files, imported.counts.tokens);
    let (serial, data_dir) = (imported.serial, &config.data_dir);
    if args.format == OutputFormat::Json {
        let answer = json!({ "schema": "depot.import/1", "data-dir": data_dir, "files": files,
            "tokens": tokens, "serial": serial });
        print(&format!("{answer:#}"));
    } else {
        let shown = data_dir.display();
        print(&format!("imported {files} files and {tokens} tokens, up to change {serial}, into {shown}"));
    }
    say("the bytes of the files are not in an export: copy the tree, or push them again");
    say(&format!(
        "the administrator's old token is dead: the first start writes a new one to `{}`",
        config.admin_token().display()
    ));
    Ok(ExitCode::SUCCESS)
}

/// The lines behind what may be compressed: by its first bytes, for standard input has no name.
fn decompressed(input: Box<dyn Read>) -> io::Result<Box<dyn BufRead>> {
    const ZSTD: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
    let mut input = BufReader::with_capacity(1 << 16, input);
    let mut start = [0; 4];
    let mut read = 0;
    while read < start.len() {
        match input.read(&mut start[read..])? {
            0 => break,
            more => read += more,
        }
    }
    let whole = io::Cursor::new(start[..read].to_vec()).chain(input);
    if start == ZSTD {
        return Ok(Box::new(BufReader::new(zstd::Decoder::with_buffer(whole)?)));
    }
    Ok(Box::new(whole))
}

pub(super) fn backup(args: &BackupArgs) -> anyhow::Result<ExitCode> {
    let to = std::path::absolute(&args.folder)
        .with_context(|| format!("`{}` is no path", args.folder.display()))?;
    let request = AdminRequest::Backup { to: to.clone(), copy: args.copy };
    let backup = match ask_and_hear(&args.data_dir, request, &tell_progress)? {
        AdminAnswer::BackedUp { backup } => backup,
        other => return Err(unexpected(&other)),
    };
    if args.format == OutputFormat::Json {
        print(&format!("{:#}", json!({ "schema": "depot.backup/1", "folder": to, "backup": backup })));
    } else {
        print(&format!(
            "backed up {} files ({} MiB, {} linked) and {} tokens, up to change {}, to {}",
            backup.files,
            backup.bytes >> 20,
            backup.linked,
            backup.tokens,
            backup.serial,
            to.display()
        ));
    }
    if backup.missing > 0 {
        say(&format!(
            "the bytes of {} files are lost here, and not in the backup: run `depot-server scrub`",
            backup.missing
        ));
        return Ok(ExitCode::from(DAMAGED));
    }
    Ok(ExitCode::SUCCESS)
}
