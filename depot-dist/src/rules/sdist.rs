//! What holds for a source distribution, in a zip or a tar.

use std::io::{BufReader, Read, Seek};

use depot_proto::DistributionFilename;
use tar::Archive;

use super::{
    Verdict, list, metadata,
    names::{Kind, Names},
    wheel::names_release,
    zip,
};
use crate::{
    DistError, Limits,
    gzip::Gzip,
    member,
    sdist::READ_AHEAD,
    tar_stream::{self, Budgeted, Member, Source},
};

/// Unpacked and thrown away at once.
const PIECE: usize = 64 * 1024;

/// Where a zip's end record with the longest comment may start, from the end of the file.
const ZIP_TAIL: u64 = 22 + u16::MAX as u64;

pub(super) fn check_zip<R: Read + Seek>(
    reader: &mut R,
    filename: &DistributionFilename,
    limits: &Limits,
    verdict: &mut Verdict,
) -> Result<(), DistError> {
    let (directory, names) = zip::open(reader, limits, verdict)?;
    let mut top = Top::new(filename);
    let mut found = None;
    for (index, name) in directory.names().enumerate() {
        if top.is_pkg_info(name, name.ends_with(b"/"), verdict) {
            found = Some(index);
        }
    }
    let raw = found.map(|index| directory.extract(reader, index, limits.max_metadata_size));
    top.check(raw.transpose()?.as_deref(), &names, verdict);
    zip::walk(reader, &directory, None, limits, verdict)
}

pub(super) fn check_tar_gz<R: Read + Seek>(
    reader: &mut R,
    file_size: u64,
    filename: &DistributionFilename,
    limits: &Limits,
    verdict: &mut Verdict,
) -> Result<(), DistError> {
    if file_size == 0 {
        return Err(DistError::gzip("the file is empty"));
    }
    check_polyglot(reader, file_size, verdict)?;
    let budget = limits.unpacked_size(file_size).min(limits.max_stream_size);
    let reader = BufReader::with_capacity(READ_AHEAD, Source(reader));
    let reader = check_stream(Budgeted::new(Gzip::new(reader), budget), filename, limits, verdict)?;
    let seen = reader.into_inner().seen;
    if seen.more {
        verdict.add(&list::GZIP_MEMBERS, "another gzip stream follows the first");
    }
    if seen.trailing {
        verdict.add(&list::GZIP_TRAILING, "something follows the gzip stream");
    }
    if seen.padding {
        verdict.add(&list::GZIP_PADDING, "zeros follow the gzip stream");
    }
    Ok(())
}

pub(super) fn check_tar<R: Read + Seek>(
    reader: &mut R,
    file_size: u64,
    filename: &DistributionFilename,
    limits: &Limits,
    verdict: &mut Verdict,
) -> Result<(), DistError> {
    if file_size == 0 {
        return Err(DistError::tar("the file is empty"));
    }
    check_polyglot(reader, file_size, verdict)?;
    let reader = BufReader::with_capacity(READ_AHEAD, Source(reader));
    check_stream(Budgeted::new(reader, limits.max_stream_size), filename, limits, verdict).map(drop)
}

/// Readers of zips look at the end of a file, and take what they find there whatever its start is.
fn check_polyglot<R: Read + Seek>(
    reader: &mut R,
    file_size: u64,
    verdict: &mut Verdict,
) -> Result<(), DistError> {
    let length = file_size.min(ZIP_TAIL);
    let tail = crate::zip_directory::read_at(reader, file_size - length, length)?;
    let ends_here = |at: usize| {
        let comment = tail.get(at + 20..at + 22).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
        comment.is_some_and(|comment| at + 22 + usize::from(comment) == tail.len())
    };
    if tail.windows(4).enumerate().any(|(at, window)| window == b"PK\x05\x06" && ends_here(at)) {
        verdict.add(&list::POLYGLOT, "the file is a zip as well");
    }
    reader.rewind().map_err(DistError::Io)
}

fn check_stream<R: Read>(
    reader: Budgeted<R>,
    filename: &DistributionFilename,
    limits: &Limits,
    verdict: &mut Verdict,
) -> Result<Budgeted<R>, DistError> {
    let (mut names, mut top) = (Names::new(limits), Top::new(filename));
    let mut archive = Archive::new(reader);
    let mut piece = vec![0; PIECE];
    let mut pkg_info = None;
    tar_stream::walk(&mut archive, limits, |member, entry| {
        let kind = check_member(&member, &names, verdict);
        names.take(&member.name, kind, verdict)?;
        if top.is_pkg_info(&member.name, kind == Kind::Folder, verdict) {
            pkg_info = Some(tar_stream::content(entry, limits.max_metadata_size)?);
        } else {
            tar_stream::pass_over(entry, &mut piece)?;
        }
        Ok(None::<()>)
    })?;
    top.check(pkg_info.as_deref(), &names, verdict);
    let mut reader = archive.into_inner();
    check_end(&mut reader, &mut piece, verdict)?;
    Ok(reader)
}

/// Reads what follows the first empty block, which ends the tar for every reader.
fn check_end<R: Read>(reader: &mut R, piece: &mut [u8], verdict: &mut Verdict) -> Result<(), DistError> {
    let (mut any, mut trailing) = (false, false);
    loop {
        match reader.read(piece) {
            Ok(0) => break,
            Ok(count) => {
                any = true;
                trailing |= piece[..count].iter().any(|&byte| byte != 0);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(tar_stream::explain(error)),
        }
    }
    if trailing {
        verdict.add(&list::TAR_TRAILING, "something follows the end of the tar");
    } else if !any {
        verdict.add(&list::TAR_END, "the tar does not end with two empty blocks");
    }
    Ok(())
}

/// Checks what kind of member it is, and where it leads to.
fn check_member(member: &Member, names: &Names, verdict: &mut Verdict) -> Kind {
    let name = &member.name;
    if member.two_names {
        verdict.add_of(&list::TAR_HEADER, name, "has a header in which Python sees another name");
    }
    if member.two_sizes {
        verdict.add_of(&list::TAR_SIZE, name, "has a size that readers do not agree on");
    }
    if str::from_utf8(name).is_err() {
        verdict.add_of(&list::MEMBER_ENCODING, name, "has a name that is not UTF-8");
    }
    match member.kind {
        b'5' => Kind::Folder,
        // Old tars have folders without a type.
        b'\0' if name.ends_with(b"/") => Kind::Folder,
        b'\0' | b'0' | b'7' => Kind::File,
        b'1' | b'2' => {
            if let Some(what) = leads_out(member) {
                verdict.add_of(&list::TAR_LINK, name, what);
            } else if member.kind == b'1' && !names.has_file(&member.link) {
                verdict.add_of(&list::TAR_LINK, name, "is a hard link to no file that stands before it");
            }
            if member.kind == b'2' { Kind::Link } else { Kind::File }
        }
        _ => {
            verdict.add_of(&list::TAR_KIND, name, "is neither file, folder nor link");
            Kind::File
        }
    }
}

/// Why a link may lead out of the top folder. Links that lead through others are settled by allowing `..` in front only:
/// no member lies behind a link, so that its folder is where its name says.
fn leads_out(link: &Member) -> Option<&'static str> {
    let target = &link.link;
    if target.is_empty() || target.contains(&0) || target.contains(&b'\\') {
        return Some("is a link to nowhere");
    }
    if target.starts_with(b"/") || matches!(target[..], [letter, b':', ..] if letter.is_ascii_alphabetic()) {
        return Some("is a link to an absolute path");
    }
    let [name, target] = [&link.name, target].map(|path| member::parts(path).collect::<Vec<_>>());
    let up = target.iter().take_while(|part| **part == b"..").count();
    if target[up..].contains(&&b".."[..]) {
        return Some("is a link with `..` inside its path");
    }
    let stays = if link.kind == b'1' {
        // A hard link's path starts where all names start.
        up == 0 && target.first() == name.first() && target.len() > 1
    } else {
        // The folder that it is in has one part less than its name; the top folder must remain, or be named again.
        let left = (name.len() - 1).checked_sub(up);
        left.is_some_and(|left| left > 0 || target.get(up) == name.first())
    };
    (!stays).then_some("is a link that leads out of the top folder")
}

/// The one folder that everything must lie in.
struct Top<'a> {
    filename: &'a DistributionFilename,
    folder: Option<Vec<u8>>,
}

impl<'a> Top<'a> {
    fn new(filename: &'a DistributionFilename) -> Self {
        Self { filename, folder: None }
    }

    /// Whether this member is the `PKG-INFO` of the top folder.
    fn is_pkg_info(&mut self, name: &[u8], is_folder: bool, verdict: &mut Verdict) -> bool {
        let mut parts = member::parts(name);
        let Some(first) = parts.next() else { return false };
        let second = parts.next();
        if second.is_none() && !is_folder {
            verdict.add_of(&list::SDIST_TOP, name, "lies beside the top folder, or is in its place");
            return false;
        }
        match &self.folder {
            None => {
                self.check_folder(first, verdict);
                self.folder = Some(first.to_vec());
            }
            Some(top) if top == first => {}
            Some(_) => {
                verdict.add_of(&list::SDIST_TOP, name, "lies outside the top folder");
                return false;
            }
        }
        second == Some(b"PKG-INFO") && parts.next().is_none() && !is_folder
    }

    fn check_folder(&self, folder: &[u8], verdict: &mut Verdict) {
        let filename = self.filename.as_str();
        let spelled = [".tar.gz", ".tgz", ".zip", ".tar"].iter().find_map(|it| filename.strip_suffix(it));
        let spelled = spelled.unwrap_or(filename);
        if folder == spelled.as_bytes() {
            return;
        }
        let shown = member::display(folder);
        let is_release =
            names_release(&String::from_utf8_lossy(folder), self.filename.project(), self.filename.version());
        let rule = if is_release { &list::SDIST_SPELLING } else { &list::SDIST_TOP };
        verdict.add(rule, format!("the top folder `{shown}` should be `{spelled}`"));
    }

    /// Checks the `PKG-INFO`, if it was found.
    fn check(&self, pkg_info: Option<&[u8]>, names: &Names, verdict: &mut Verdict) {
        let Some(raw) = pkg_info else {
            verdict.add(&list::SDIST_PKG_INFO, "there is no PKG-INFO in the top folder");
            return;
        };
        let Some(read) = metadata::check(raw, "PKG-INFO", self.filename, verdict) else { return };
        if !metadata::has_license_files(&read) {
            return;
        }
        for file in read.header("License-File") {
            let folder = self.folder.as_deref().unwrap_or_default();
            let name = [folder, b"/", file.as_bytes()].concat();
            if !names.has_file(&name) {
                verdict.add_of(&list::LICENSE_FILE, &name, "is named as License-File, and is not there");
            }
        }
    }
}
