//! Bundles taken apart, changed, and put together again as somebody would who means harm.

use std::io::{Read as _, Write as _};

use depot_tests::sha256_hex;
use serde_json::{Value, json};

/// A member of the tar.
#[derive(Clone, Debug)]
pub(in crate::python) struct Member {
    pub(in crate::python) name: String,
    pub(in crate::python) content: Vec<u8>,
    pub(super) kind: tar::EntryType,
}

/// The members of a bundle.
pub(in crate::python) fn open(bundle: &[u8]) -> Vec<Member> {
    let mut archive = tar::Archive::new(zstd::Decoder::new(bundle).unwrap());
    let members = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let (mut content, kind) = (Vec::new(), entry.header().entry_type());
        entry.read_to_end(&mut content).unwrap();
        Member { name, content, kind }
    });
    members.collect()
}

/// The bundle of these members, packed as a bundle is.
pub(super) fn pack(members: &[Member]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for member in members {
        bytes.extend_from_slice(header(member).as_bytes());
        bytes.extend_from_slice(&member.content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.extend_from_slice(&[0; 1024]);
    compress(&bytes)
}

pub(super) fn compress(tar: &[u8]) -> Vec<u8> {
    let mut packer = zstd::Encoder::new(Vec::new(), 3).unwrap();
    packer.window_log(21).unwrap();
    packer.include_checksum(true).unwrap();
    packer.include_contentsize(false).unwrap();
    packer.write_all(tar).unwrap();
    packer.finish().unwrap()
}

fn header(member: &Member) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(member.kind);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(315_532_800);
    header.set_size(member.content.len() as u64);
    header.as_old_mut().name[..member.name.len()].copy_from_slice(member.name.as_bytes());
    header.set_cksum();
    header
}

/// Changes the manifest, which is the first member.
pub(super) fn manifest(members: &mut [Member], change: impl FnOnce(&mut Value)) {
    let mut manifest: Value = serde_json::from_slice(&members[0].content).unwrap();
    change(&mut manifest);
    members[0].content = serde_json::to_vec(&manifest).unwrap();
}

/// Changes the receipt, which is the third member, and what the manifest says of it.
pub(super) fn receipt(members: &mut [Member], change: impl FnOnce(&mut Value)) {
    let mut receipt: Value = serde_json::from_slice(&members[2].content).unwrap();
    change(&mut receipt);
    members[2].content = serde_json::to_vec(&receipt).unwrap();
    let document = members[2].content.clone();
    manifest(members, |manifest| {
        manifest["receipt"] = json!({ "size": document.len(), "sha256": sha256_hex(&document) });
    });
}

/// A plain file as a member.
pub(super) fn file(name: &str, content: &[u8]) -> Member {
    Member { name: name.to_owned(), content: content.to_owned(), kind: tar::EntryType::Regular }
}
