//! Every rule, with its code, its severity, and what it asks.

use super::{Rule, Severity};

macro_rules! rules {
    ($($name:ident $severity:ident $code:literal $about:literal;)*) => {
        $(pub(crate) static $name: Rule =
            Rule { code: $code, severity: Severity::$severity, about: $about };)*

        /// Every rule, in the order of the documentation.
        pub static ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    // Any archive.
    KIND Error "kind" "it is a wheel, or a source distribution in a .tar.gz, .zip or .tar";
    FILENAME Warning "filename" "the file name is spelled as PEP 427 and PEP 625 want it: lower case, `_` in the name";
    TOO_MANY_MEMBERS Error "too-many-members" "it has at most 100,000 members";
    BOMB Error "bomb" "it unpacks to at most 64 MiB, or 50 times its size, and to 16 GiB at the most (a tar: 4 GiB)";
    POLYGLOT Error "polyglot" "no other kind of archive can be read from the same bytes";
    MEMBER_NAME Error "member-name" "no name leads out of the folder, or has a control character, a backslash, a drive letter, a part that ends in a dot or a space, or more than 1,024 bytes";
    MEMBER_ENCODING Error "member-encoding" "names are UTF-8, and say so where that has to be said";
    MEMBER_TWICE Error "member-twice" "no two members have the same name, and none is a file where another has its folder";
    MEMBER_CASE Warning "member-case" "no two names differ in case alone";
    MEMBER_DEVICE Warning "member-device" "no name is that of a device on Windows";

    // Zip.
    ZIP_BROKEN Error "zip-broken" "the zip is whole and its records are sound";
    ZIP_END Error "zip-end" "the central directory is where the end record says, and nothing follows";
    ZIP_PREFIX Error "zip-prefix" "nothing stands before the first member";
    ZIP_GAP Error "zip-gap" "nothing stands between the members";
    ZIP_OVERLAP Error "zip-overlap" "no two members share bytes";
    ZIP_LOCAL Error "zip-local" "local headers say what the central directory says";
    ZIP_CHECKSUM Error "zip-checksum" "content has the size and checksum that the directory says";
    ZIP_DESCRIPTOR Error "zip-descriptor" "sizes stand before the content, not behind it";
    ZIP_METHOD Error "zip-method" "members are stored or deflated";
    ZIP_ENCRYPTED Error "zip-encrypted" "nothing is encrypted";
    ZIP_EXTRA Error "zip-extra" "extra fields are well formed, none stands twice, and none gives a second name";
    ZIP64 Error "zip64" "zip64 records and fields agree with the others";
    ZIP_DISKS Error "zip-disks" "it is on one disk";
    ZIP_LINK Error "zip-link" "no member is a link or a device";
    ZIP_MEMBER_COMMENT Error "zip-member-comment" "no member has a comment";
    ZIP_COMMENT Warning "zip-comment" "the archive has no comment";

    // Tar.
    GZIP_BROKEN Error "gzip-broken" "the gzip stream is whole and has its checksum";
    GZIP_MEMBERS Error "gzip-members" "there is one gzip stream";
    GZIP_TRAILING Error "gzip-trailing" "nothing follows the gzip stream";
    GZIP_PADDING Warning "gzip-padding" "no zeros follow the gzip stream";
    TAR_BROKEN Error "tar-broken" "the tar is whole and its headers are sound";
    TAR_HEADER Error "tar-header" "extension headers are sound, and none contradicts another";
    TAR_SIZE Error "tar-size" "every member has one size, and links, devices and folders have none";
    TAR_SPARSE Error "tar-sparse" "no member is sparse";
    TAR_KIND Error "tar-kind" "members are files, folders and links";
    TAR_LINK Error "tar-link" "links stay in the top folder, and no member lies behind one";
    TAR_TRAILING Error "tar-trailing" "nothing follows the end of the tar";
    TAR_END Warning "tar-end" "it ends with two empty blocks";

    // Wheels.
    WHEEL_DIST_INFO Error "wheel-dist-info" "there is one .dist-info folder, of the project and version of the file name";
    WHEEL_SPELLING Warning "wheel-spelling" "the .dist-info folder is spelled as the file name is";
    WHEEL_FILE Error "wheel-file" "there is a WHEEL that can be read, of a version 1";
    WHEEL_TAGS Warning "wheel-tags" "WHEEL has the tags and the build of the file name";
    RECORD_MISSING Error "record-missing" "there is a RECORD";
    RECORD_FORM Error "record-form" "RECORD is CSV in UTF-8 with three columns, and its names are safe";
    RECORD_TWICE Error "record-twice" "RECORD lists nothing twice";
    RECORD_UNLISTED Error "record-unlisted" "RECORD lists every member but its signatures";
    RECORD_ABSENT Error "record-absent" "what RECORD lists is there";
    RECORD_NO_HASH Error "record-no-hash" "RECORD has a hash of every member but itself and its signatures";
    RECORD_WEAK_HASH Error "record-weak-hash" "hashes in RECORD are SHA-256, SHA-384 or SHA-512";
    RECORD_HASH Error "record-hash" "content has the hash and size that RECORD says";
    ENTRY_POINTS Error "entry-points" "entry_points.txt can be read, and scripts have names and targets that are safe to make files of";

    // Source distributions.
    SDIST_TOP Error "sdist-top" "everything lies in one folder of the project and version of the file name";
    SDIST_SPELLING Warning "sdist-spelling" "the top folder is spelled as the file name is";
    SDIST_PKG_INFO Error "sdist-pkg-info" "there is a PKG-INFO in the top folder";

    // Core metadata.
    METADATA_TOO_LARGE Error "metadata-too-large" "core metadata has at most 10 MiB, and 4 MiB of headers";
    METADATA_UNREADABLE Error "metadata-unreadable" "core metadata can be read, and has Metadata-Version, Name and Version";
    METADATA_NAME Error "metadata-name" "Name is that of the file name";
    METADATA_VERSION Error "metadata-version" "Version is that of the file name";
    METADATA_ENCODING Error "metadata-encoding" "core metadata is UTF-8";
    METADATA_TWICE Error "metadata-twice" "no field that may stand once stands twice";
    METADATA_FORM Error "metadata-form" "core metadata is headers, then an empty line, then the description";
    METADATA_FIELD Error "metadata-field" "Requires-Python and Requires-Dist can be read";
    METADATA_UNKNOWN Warning "metadata-unknown" "Metadata-Version is one that is known";
    LICENSE_FILE Error "license-file" "each License-File of metadata 2.4 is there";
}
