//! How much of an archive is read before it is refused.

/// Bounds on reading one distribution. The defaults are far above what honest projects publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most members that an archive may have. The largest wheels of the field have some 30,000.
    pub max_members: usize,
    /// The most bytes that `METADATA` or `PKG-INFO` may have; a long description is part of it.
    pub max_metadata_size: u64,
    /// The most bytes that a zip's central directory may have; it is held in memory while the archive is read.
    pub max_directory_size: u64,
    /// Bytes that any archive may unpack to. Above that, [`max_ratio`](Self::max_ratio) is asked as well.
    pub max_unpacked_size: u64,
    /// How many times its own size an archive may unpack to, once it passes
    /// [`max_unpacked_size`](Self::max_unpacked_size).
    pub max_ratio: u64,
    /// The most bytes of a tar that are unpacked in search of `PKG-INFO`, whatever the ratio: a tar has no
    /// directory, so this bounds the time that one file can take.
    pub max_stream_size: u64,
    /// The most bytes of a zip that are unpacked when it is judged by the rules, whatever the ratio.
    pub max_checked_size: u64,
}

const MIB: u64 = 1024 * 1024;

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_members: 100_000,
            max_metadata_size: 10 * MIB,
            // 100,000 members of 46 bytes and a name of some 100.
            max_directory_size: 16 * MIB,
            max_unpacked_size: 64 * MIB,
            max_ratio: 50,
            max_stream_size: 4096 * MIB,
            max_checked_size: 16 * 1024 * MIB,
        }
    }
}

impl Limits {
    /// The most bytes that an archive of `file_size` bytes may unpack to.
    pub(crate) fn unpacked_size(&self, file_size: u64) -> u64 {
        self.max_unpacked_size.max(file_size.saturating_mul(self.max_ratio))
    }
}
