//! The keys of bundles: Ed25519, as PEM that openssl reads too.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use depot_proto::Sha256Digest;
use serde_json::json;

use crate::{
    args::{KeygenArgs, TrustArgs},
    exit::ExitStatus,
    output::Printer,
};

/// What a public key in one line begins with.
const LINE: &str = "ed25519:";

/// What stands before the 32 bytes of a public Ed25519 key in its DER (RFC 8410).
const PUBLIC_DER: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// How long a signature is.
pub(super) const SIGNATURE_LEN: usize = 64;

/// A private key.
pub(super) struct SigningKey(Ed25519KeyPair);

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PublicKey([u8; 32]);

impl SigningKey {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("cannot use the private key `{}`", path.display());
        let text = fs::read_to_string(path).with_context(cannot)?;
        anyhow::ensure!(
            text.contains("PRIVATE KEY-----"),
            "`{}` is no private key: bundles are signed with what `bundle keygen` wrote, not with its `.pub`",
            path.display()
        );
        let document = decode(&text).with_context(cannot)?;
        let pair = Ed25519KeyPair::from_pkcs8(&document)
            .map_err(|error| anyhow::anyhow!("it is no Ed25519 key: {error}"))
            .with_context(cannot)?;
        Ok(Self(pair))
    }

    pub(super) fn public(&self) -> anyhow::Result<PublicKey> {
        Ok(PublicKey(self.0.public_key().as_ref().try_into()?))
    }

    pub(super) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.sign(bytes).as_ref().to_vec()
    }
}

impl PublicKey {
    /// A short name of it, for people.
    pub(super) fn id(&self) -> String {
        Sha256Digest::of(&self.0).to_string()[..16].to_owned()
    }

    /// The key in one line.
    pub(super) fn line(&self) -> String {
        format!("{LINE}{}", STANDARD.encode(self.0))
    }

    pub(super) fn has_signed(&self, bytes: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(bytes, signature).is_ok()
    }

    /// Reads a key in one line, or the file of one.
    fn read(text: &str) -> anyhow::Result<Self> {
        if let Some(key) = text.trim().strip_prefix(LINE) {
            let bytes = STANDARD.decode(key.trim()).ok().and_then(|bytes| bytes.try_into().ok());
            return bytes.map(Self).with_context(|| format!("`{text}` is no public key"));
        }
        let pem = fs::read_to_string(text).with_context(|| format!("cannot read the public key `{text}`"))?;
        if pem.trim().starts_with(LINE) {
            return Self::read(pem.trim());
        }
        anyhow::ensure!(
            !pem.contains("PRIVATE KEY-----"),
            "`{text}` is a private key, which should not be here: name the public one, `{text}.pub`"
        );
        let der = decode(&pem).ok();
        let bytes = der.as_deref().and_then(|der| der.strip_prefix(&PUBLIC_DER[..]));
        let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        bytes.map(Self).with_context(|| format!("`{text}` is no public Ed25519 key as PEM"))
    }
}

/// The keys that were pinned, which may be none.
pub(super) fn trusted(args: &TrustArgs) -> anyhow::Result<Vec<PublicKey>> {
    args.trust.iter().map(|text| PublicKey::read(text)).collect()
}

fn decode(pem: &str) -> anyhow::Result<Vec<u8>> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    STANDARD.decode(body).context("it is not PEM")
}

/// Runs `bundle keygen`.
pub(super) fn generate(args: &KeygenArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let refused = |_| anyhow::anyhow!("no key could be made");
    let pair = Ed25519KeyPair::generate().map_err(refused)?;
    let document: Pkcs8V1Der<'_> = pair.as_der().map_err(refused)?;
    let public = PublicKey(pair.public_key().as_ref().try_into()?);
    let pem = |kind: &str, der: &[u8]| {
        format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(der))
    };
    let mut name = args.output.clone().into_os_string();
    name.push(".pub");
    let public_path = PathBuf::from(name);
    // The public half first: a private key that is there was written last, and with all that belongs to it.
    write_new(&public_path, &pem("PUBLIC KEY", &[&PUBLIC_DER[..], &public.0].concat()), 0o644)?;
    if let Err(error) = write_new(&args.output, &pem("PRIVATE KEY", document.as_ref()), 0o600) {
        let _ = fs::remove_file(&public_path);
        return Err(error);
    }
    printer.say(&format!(
        "wrote the private key `{}`, which signs and stays here, and the public key `{}`, which the other side trusts",
        args.output.display(),
        public_path.display()
    ));
    printer.data(&public.line());
    printer.json(&json!({
        "schema": "depot.bundle-keygen/1",
        "private-key": args.output,
        "public-key": public_path,
        "id": public.id(),
        "line": public.line(),
    }));
    Ok(ExitStatus::Done)
}

/// Writes a file that must not be there yet.
fn write_new(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let written = options.open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            anyhow::bail!("`{}` is there already: name another file with -o", path.display())
        }
        written => written.with_context(|| format!("cannot write `{}`", path.display())),
    }
}
