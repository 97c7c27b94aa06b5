//! What is looked at: the name of each check, how bad it is where it does not hold, whom that hurts, and what to do.

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// It is as it should be.
    Ok,
    /// It could be better, and hardly anybody is hurt.
    Note,
    /// It works, slowly or not for everyone.
    Warning,
    /// It breaks somebody.
    Failure,
}

impl Level {
    pub(super) const ALL: [Self; 4] = [Self::Ok, Self::Note, Self::Warning, Self::Failure];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

/// Who is hurt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tool {
    Pip,
    Uv,
    Poetry,
    Twine,
}

impl Tool {
    pub(super) const ALL: [Self; 4] = [Self::Pip, Self::Uv, Self::Poetry, Self::Twine];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Pip => "pip",
            Self::Uv => "uv",
            Self::Poetry => "poetry",
            Self::Twine => "twine",
        }
    }
}

/// Something to look at.
#[derive(Debug)]
pub(super) struct Check {
    /// Its name, which never changes: `area.what`.
    pub(super) id: &'static str,
    /// How bad it is if it does not hold.
    pub(super) level: Level,
    /// Whom that hurts.
    pub(super) hurts: &'static [Tool],
    /// What holds in a good index.
    pub(super) holds: &'static str,
    /// What to do where it does not.
    pub(super) advice: &'static str,
}

impl Check {
    /// What it is about.
    pub(super) fn area(&self) -> &'static str {
        self.id.split('.').next().unwrap_or(self.id)
    }
}

/// The areas in the order of the report, with their headings.
pub(super) const AREAS: [(&str, &str); 13] = [
    ("reach", "Connections"),
    ("access", "Who may read"),
    ("form", "Forms of a page"),
    ("names", "Names and addresses"),
    ("html", "The page as HTML"),
    ("json", "The page as JSON"),
    ("cache", "Caching"),
    ("coding", "Compression"),
    ("file", "Files"),
    ("range", "Parts of files"),
    ("metadata", "Metadata beside files"),
    ("root", "The list of projects"),
    ("upload", "Uploads"),
];

macro_rules! checks {
    ($($name:ident = $level:ident $id:literal [$($tool:ident)*] $holds:literal, $advice:literal;)*) => {
        $(pub(super) const $name: Check = Check {
            id: $id,
            level: Level::$level,
            hurts: &[$(Tool::$tool),*],
            holds: $holds,
            advice: $advice,
        };)*

        /// Every check, in the order of the areas.
        #[cfg(test)]
        pub(super) const ALL: &[Check] = &[$($name),*];
    };
}

checks! {
    PLAIN_HTTP = Warning "reach.plain-http" [Pip]
        "nobody on the way can read or change what is sent",
        "serve it over https: pip ignores an index over plain http on another host";
    KEEP_ALIVE = Warning "reach.keep-alive" [Pip Uv Poetry]
        "connections are kept open",
        "speak HTTP/1.1 and keep connections, so that not every request pays for a new one";
    HTTP2 = Note "reach.http2" [Uv]
        "HTTP/2 is spoken",
        "offer h2: one connection then carries all requests of uv";

    REFUSED_AS = Failure "access.status" [Pip Uv]
        "who must say who they are is told so by 401",
        "answer 401 where credentials are missing: pip asks its keyring for nothing else, and uv takes 403 for the end of the search";
    CHALLENGE = Failure "access.challenge" [Pip Uv Poetry]
        "401 comes with `WWW-Authenticate: Basic`",
        "add `WWW-Authenticate: Basic realm=\"...\"`: clients speak nothing else";
    WRONG_CREDENTIALS = Warning "access.wrong" [Pip Uv]
        "wrong credentials are answered with 401",
        "answer 401 to credentials that are wrong, so that clients ask for others";
    OPEN_FILES = Warning "access.files" []
        "files ask for the same credentials as pages",
        "ask for credentials for files too: their addresses can be guessed";
    PUBLIC_CACHE = Warning "access.public-cache" []
        "a page that wants credentials is not kept for others",
        "send `Cache-Control: private` with what wants credentials, or a shared cache gives it to anybody";

    ACCEPTED = Failure "form.accepted" [Pip Uv Poetry]
        "each client's `Accept` is answered with a page",
        "answer every `Accept` that names a form you have, or a wildcard, with 200";
    TYPE = Failure "form.type" [Pip Uv Poetry]
        "pages say their form in words that clients know",
        "send exactly `application/vnd.pypi.simple.v1+json`, `application/vnd.pypi.simple.v1+html` or `text/html`, in lower case, and nothing before a `;`: other types are refused";
    WANTED = Failure "form.wanted" [Pip Uv]
        "nobody gets a form that was not asked for",
        "give HTML to who accepts HTML alone: `uv --find-links` and pip before 22.2 read nothing else";
    DEFAULT = Warning "form.default" [Poetry]
        "who has no preference gets HTML",
        "answer `*/*` with `text/html`: old clients, scripts and browsers send that and read HTML";
    JSON = Warning "form.json" [Pip Uv Poetry]
        "there is a JSON form",
        "serve JSON (PEP 691, PEP 700): only it carries sizes and upload times, so `--exclude-newer` and `--uploaded-prior-to` fail without";
    QUALITY = Warning "form.quality" [Uv Poetry]
        "`q` values decide between forms",
        "heed `q` in `Accept`: the highest wins, and 0 means never";
    VERSIONED_HTML = Note "form.versioned-html" []
        "HTML is there under its versioned name",
        "answer `application/vnd.pypi.simple.v1+html` with that type";
    LATEST = Note "form.latest" []
        "`latest` means the newest version",
        "answer `application/vnd.pypi.simple.latest+json` with the concrete type";
    UNKNOWN_FORM = Warning "form.unknown" []
        "an unknown form gets 406, or a page",
        "answer a type that you do not have with 406, or with HTML";
    PARAMETER = Note "form.parameter" []
        "`?format=` gives that form, or does no harm",
        "let `?format=application/vnd.pypi.simple.v1+json` choose the form, or pass it over";
    VARY = Warning "form.vary" [Pip Uv Poetry]
        "pages say that they depend on `Accept`",
        "send `Vary: Accept` with every page, or a cache hands JSON to clients that read HTML";

    ABSENT = Failure "names.absent" [Pip Uv Poetry]
        "an unknown project is answered with 404",
        "answer 404, and nothing else: uv stops at 401 and 403, any page says that the project is there, and a redirect to another index lets others decide what is installed";
    INVALID = Warning "names.invalid" []
        "a name that none can be is answered with 404 or 400",
        "refuse `-x-` as you refuse an unknown project";
    SLASH = Warning "names.slash" []
        "a page without its last slash leads to the one with it",
        "redirect to the address with the slash: relative links are wrong without";
    SPELLING = Note "names.spelling" []
        "other spellings of a name lead to its page",
        "redirect `Foo.Bar` to `foo-bar`, for people: installers ask by the normalized name";
    REDIRECT = Warning "names.redirect" [Pip Uv Poetry]
        "redirects of addresses stay where they are and arrive",
        "build redirects from the address that was asked for, scheme and host too, or make them relative";

    HTML_LINKS = Failure "html.links" [Pip Uv Poetry]
        "the page lists files",
        "list every file as `<a href>` (PEP 503)";
    HTML_SAME = Warning "html.same" [Pip Uv Poetry]
        "HTML and JSON list the same files",
        "render both forms from the same list";
    HTML_VERSION = Note "html.version" []
        "the page says its version",
        "add `<meta name=\"pypi:repository-version\" content=\"1.0\">`, or the version that you serve (PEP 629)";
    HTML_TEXT = Warning "html.text" [Poetry]
        "each link's text is the name of its file",
        "let the text be the last part of the address, decoded, and nothing else";
    HTML_RAW = Note "html.raw" []
        "no attribute holds a bare `>`",
        "write `&gt;` in attributes: scripts and hatch look for the next `>`";
    HTML_FRAGMENT = Failure "html.fragment" [Uv]
        "fragments are digests that clients know",
        "write `#sha256=` and 64 lower-case digits: uv refuses the whole page for anything else";
    HTML_HASH = Warning "html.hash" [Uv Poetry]
        "each link has a sha256",
        "add `#sha256=` to links: without, Poetry downloads every file for its lock, and `uv publish --check-url` fails";
    HTML_REQUIRES = Failure "html.requires-python" [Pip Uv]
        "`data-requires-python` can be read",
        "escape it once (`&gt;=3.9`): uv drops every file whose value it cannot read, and pip takes it for no limit";
    HTML_YANKED = Failure "html.yanked" [Pip]
        "`data-yanked` has a value",
        "write `data-yanked=\"\"`: pip takes the bare attribute for not yanked";
    HTML_MARK = Failure "html.metadata-mark" [Pip]
        "metadata is marked with `true` or its sha256",
        "write `sha256=` and the digest, or `true`, or leave the attribute out: pip takes `false` for yes";
    HTML_TWIN = Note "html.metadata-twin" [Pip]
        "metadata is marked under both names",
        "write `data-core-metadata` and `data-dist-info-metadata`: older clients know only the second";
    HTML_BASE = Failure "html.base" [Uv]
        "`<base>` is absolute, or not there",
        "leave `<base>` out: uv refuses one that is relative";

    JSON_READ = Failure "json.readable" [Pip Uv Poetry]
        "the page is the document that it should be",
        "send an object with `meta`, `name` and `files` (PEP 691)";
    JSON_VERSION = Warning "json.version" []
        "`meta.api-version` is one of version 1",
        "write `\"meta\": {\"api-version\": \"1.1\"}`, or the version that you serve, as a text";
    JSON_NAME = Warning "json.name" []
        "`name` is the normalized name",
        "write the normalized name (PEP 691)";
    JSON_FIELDS = Failure "json.fields" [Uv Pip]
        "each file has what it must, and nothing is null",
        "give each file `filename`, `url` and `hashes`, and leave keys out in place of `null`: uv refuses the whole page";
    JSON_HASH_NAME = Failure "json.hash-name" [Pip]
        "digests are of algorithms that clients know",
        "list `sha256` alone: pip takes the first digest, and stops if it does not know its name";
    JSON_HASH = Warning "json.hash" [Uv Poetry]
        "each file has a sha256",
        "add `hashes.sha256`: without, Poetry downloads every file for its lock, and `uv publish --check-url` fails";
    JSON_SIZE = Warning "json.size" [Uv]
        "each file has its size",
        "add `size`, which versions since 1.1 must have (PEP 700)";
    JSON_VERSIONS = Warning "json.versions" []
        "`versions` names every release",
        "add `versions`, with that of every file in it (PEP 700)";
    JSON_TIME = Warning "json.upload-time" [Pip Uv]
        "each file has its time of upload",
        "add `upload-time`: without, `uv --exclude-newer` drops the file and `pip --uploaded-prior-to` stops";
    JSON_TIME_FORM = Failure "json.upload-time-form" [Pip Uv]
        "times of upload can be read everywhere",
        "write `2026-01-02T03:04:05.000000Z`: UTC with `Z`, and six digits or none after the seconds";
    JSON_REQUIRES = Failure "json.requires-python" [Pip Uv]
        "`requires-python` can be read",
        "write it as the metadata has it: uv drops every file whose value it cannot read";
    JSON_YANKED = Failure "json.yanked" [Pip Uv]
        "`yanked` is a truth or a reason",
        "write `true` where there is no reason: an empty text is no to pip and yes to uv";
    JSON_MARK = Failure "json.metadata-mark" [Pip Uv]
        "metadata is marked with `true` or its sha256",
        "write `{\"sha256\": ...}` or `true`, or leave `core-metadata` out: pip and uv take `{}` for yes";
    JSON_STATUS = Warning "json.status" [Uv]
        "the state of the project is one that is known",
        "write `active`, `archived`, `deprecated` or `quarantined` at the top level (PEP 792)";

    PAGE_VALIDATOR = Warning "cache.page-validator" [Pip Uv Poetry]
        "pages have a version to ask for",
        "send an `ETag` (or `Last-Modified`) with pages: else each is fetched whole each time";
    PAGE_UNCHANGED = Warning "cache.page-unchanged" [Pip Uv Poetry]
        "an unchanged page is answered with 304",
        "answer `If-None-Match` (and `If-Modified-Since`) with 304 where nothing changed, and repeat the `ETag`";
    PAGE_FORMS = Failure "cache.page-forms" [Pip Uv Poetry]
        "each form has an `ETag` of its own",
        "make the form part of the `ETag`: else a cache takes HTML for JSON";
    PAGE_STORE = Warning "cache.page-store" [Pip Uv]
        "pages may be kept",
        "send `no-cache` in place of `no-store`: with that uv fetches every page again at each run";
    PAGE_AGE = Warning "cache.page-age" [Pip Uv]
        "pages do not outlive an upload for long",
        "send `no-cache`, or a `max-age` of some minutes: uv and pip since 26.2 do not see new uploads before it ends";
    PAGE_CONTROL = Note "cache.page-control" [Pip Uv]
        "pages say how long they may be kept",
        "send `Cache-Control: no-cache`, or a short `max-age`: without, each client guesses";
    FILE_CACHE = Warning "cache.file" [Pip]
        "files may be kept",
        "send an `ETag` or a `max-age` with files: pip does not keep them without, nor go on with broken downloads";
    FILE_FOREVER = Note "cache.file-age" [Pip Uv]
        "files are kept for long",
        "send `Cache-Control: max-age=365000000, immutable` if a name never gets other bytes";

    PAGE_CODING = Note "coding.page" [Pip Uv Poetry]
        "pages are compressed for who takes that",
        "compress pages of some size with gzip: they are a tenth then";
    PAGE_DECODED = Failure "coding.same" [Pip Uv Poetry]
        "a compressed page is the same page",
        "compress what you send, and say how in `Content-Encoding`";
    CODING_VARY = Warning "coding.vary" [Pip Uv Poetry]
        "compressed pages say that they depend on `Accept-Encoding`",
        "add `Accept-Encoding` to `Vary`";
    FILE_CODING = Failure "coding.file" [Pip Poetry]
        "files have no content coding",
        "never send `Content-Encoding` with a file: Poetry unpacks it, and the digest is wrong then";

    LINK = Failure "file.link" [Pip Uv Poetry]
        "links lead somewhere",
        "write links that are absolute (http or https), or relative to the page with its last slash";
    QUERY = Warning "file.query" [Pip]
        "addresses of files have no query",
        "put what identifies the file into the path: pip appends `.metadata` after the query";
    ORIGIN = Note "file.origin" [Pip Uv]
        "files lie at the same origin as pages",
        "serve files from the index itself if they want credentials: those go to no other host";
    DOWNGRADE = Warning "file.downgrade" [Pip Uv Poetry]
        "files are as safe on the way as their pages",
        "link to files over https, or relatively: behind a proxy that speaks TLS, believe what it forwards";
    SERVED = Failure "file.served" [Pip Uv Poetry]
        "the file is there",
        "serve what the page lists, or do not list it";
    BYTES = Failure "file.sha256" [Pip Uv Poetry]
        "its bytes have the digest of the page",
        "list the digest of what is served";
    SIZE = Failure "file.size" [Uv]
        "it is as large as the page says",
        "list the size of what is served";
    LENGTH = Warning "file.length" [Pip Uv]
        "the answer says its length",
        "send `Content-Length` with files, so that a broken download is noticed and progress can be shown";
    HEAD = Warning "file.head" [Pip Uv Poetry]
        "HEAD says the same as GET",
        "answer HEAD with 200 and the `Content-Length` of the file: uv and pip ask so before they read a part";
    DISPOSITION = Warning "file.disposition" [Pip]
        "the answer gives the file no other name",
        "leave `Content-Disposition` out, or name the file exactly: pip saves it under that name";
    PLUS = Failure "file.plus" [Pip Uv]
        "`+` in a name can be written both ways",
        "take `+` and `%2B` for the same in paths, and neither for a space: pip sends one, uv the other";
    TOO_LARGE = Note "file.too-large" []
        "a file of bounded size could be downloaded",
        "name a project with smaller files, or let more be downloaded with `--max-size`";

    RANGES = Warning "range.supported" [Uv Pip Poetry]
        "a part of a file can be had",
        "answer `Range: bytes=a-b` with 206: without, metadata costs the whole wheel, and broken downloads start again";
    RANGES_CLAIMED = Failure "range.claimed" [Uv Pip Poetry]
        "what is promised in `Accept-Ranges` is kept",
        "answer ranges with 206, or do not send `Accept-Ranges: bytes`";
    RANGES_SAID = Warning "range.said" [Uv Pip]
        "`Accept-Ranges: bytes` says so beforehand",
        "send `Accept-Ranges: bytes` with HEAD: uv and pip look for it and ask for no range without";
    RANGE_BYTES = Failure "range.bytes" [Uv Pip Poetry]
        "the part is the one that was asked for",
        "send exactly those bytes of the stored file, with `Content-Range: bytes a-b/size`";
    RANGE_SUFFIX = Warning "range.suffix" [Poetry]
        "the end of a file can be asked for",
        "answer `bytes=-n` with the last n bytes, and with the whole file as 206 where it is shorter";
    RANGE_BEYOND = Warning "range.beyond" [Uv]
        "a part beyond the end is answered with 416",
        "answer 416 with `Content-Range: bytes */size`";
    IF_RANGE = Failure "range.if-range" [Pip]
        "a part of another version is never sent",
        "heed `If-Range`: send all of it with 200 where the version is another one, or pip joins parts of two files";
    RESUME = Note "range.resume" [Pip]
        "a broken download can go on",
        "answer a range whose `If-Range` is the file's own `ETag` with 206";

    OFFERED = Warning "metadata.offered" [Pip Uv Poetry]
        "wheels have their metadata beside them",
        "serve METADATA of wheels under their address with `.metadata`, and mark it on the page (PEP 658): a resolve is many times faster";
    METADATA_SERVED = Failure "metadata.served" [Pip Uv]
        "marked metadata is there",
        "serve it, or do not mark it: pip and uv fail where it is missing";
    METADATA_HASH = Failure "metadata.sha256" [Pip Uv]
        "it has the digest of the page",
        "list the digest of the metadata, which is not that of the wheel";
    METADATA_SAME = Failure "metadata.same" [Pip Uv]
        "it is what the wheel has inside",
        "serve METADATA byte for byte: pip since 26.2 refuses one that says something else";
    METADATA_REQUIRES = Warning "metadata.requires-python" [Pip Uv Poetry]
        "the page knows `Requires-Python` of the file",
        "list `Requires-Python` of each file as its metadata has it: without, versions are chosen that do not fit";
    PROVENANCE = Warning "metadata.provenance" []
        "provenance that is listed is there",
        "serve the document (PEP 740) at the address, absolute and over https, or do not list it";

    ROOT = Failure "root.page" [Poetry]
        "there is a list of projects",
        "answer the index's own address with the list of projects (PEP 503)";
    ROOT_PROJECT = Warning "root.project" []
        "the project is in the list",
        "list every project";
    ROOT_LINKS = Warning "root.links" [Poetry]
        "links to projects are relative and normalized",
        "write `<a href=\"name/\">`: `poetry search` reads names off the addresses";

    UPLOAD_CHALLENGE = Failure "upload.challenge" [Twine Uv]
        "an upload without credentials is answered with 401",
        "answer 401 with `WWW-Authenticate: Basic`";
    UPLOAD_TAKEN = Failure "upload.taken" [Twine Uv Poetry]
        "a new file is taken",
        "take the form that PyPI takes (`:action=file_upload`), whatever the order of its fields, and answer 200";
    UPLOAD_SLASH = Warning "upload.slash" [Twine Poetry]
        "uploads go without a redirect, with and without the last slash",
        "take uploads at both addresses: twine and Poetry stop at a redirect";
    UPLOAD_LISTED = Warning "upload.listed" [Uv]
        "it is on the page at once, with its digest",
        "list a file, with its sha256, before its upload is answered: `uv publish --check-url` looks for it";
    UPLOAD_SAME = Warning "upload.same" [Twine Uv Poetry]
        "the same file again is no news",
        "answer 200 to bytes that are there already, or 409 with `File already exists`";
    UPLOAD_OTHER = Failure "upload.other" [Pip Uv Poetry]
        "other bytes never take a name that is taken",
        "refuse them with 409: locks hold digests, and everyone who has one fails";
    UPLOAD_WORDS = Warning "upload.words" [Twine Uv Poetry]
        "the refusal is known to clients",
        "answer 409, or 400 with `File already exists` in its text";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_named_once_in_areas_that_are_known_and_stand_in_the_documentation() {
        let page = include_str!("../../../docs/doctor.md");
        let mut seen = std::collections::BTreeSet::new();
        let mut at = 0;
        for check in ALL {
            assert!(seen.insert(check.id), "{} twice", check.id);
            let area = AREAS.iter().position(|(area, _)| *area == check.area());
            let area = area.unwrap_or_else(|| panic!("{} is in no area", check.id));
            assert!(area >= at, "{} stands behind a later area", check.id);
            at = area;
            assert_ne!(check.level, Level::Ok, "{}", check.id);
            for text in [check.holds, check.advice] {
                assert!(!text.ends_with('.') && !text.is_empty(), "{}: {text}", check.id);
            }
            let level = check.level.as_str();
            let row = page.lines().find(|line| line.starts_with(&format!("| `{}` | {level} |", check.id)));
            assert!(row.is_some(), "docs/doctor.md has no row `{}` | {level}", check.id);
        }
    }
}
