//! A file beside the store that remembers how far the store once was.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The newest generation that the store was at, in eight bytes, big endian. It lags behind when the power fails,
/// and is never ahead.
pub(crate) struct Witness {
    file: File,
    known: u64,
}

impl Witness {
    /// Opens the witness of a store, made anew if there is none or `fresh` is set.
    pub(crate) fn open(store: &Path, fresh: bool) -> std::io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(fresh);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path(store))?;
        let mut bytes = [0; 8];
        let known = match file.read_exact(&mut bytes) {
            Ok(()) => u64::from_be_bytes(bytes),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => 0,
            Err(error) => return Err(error),
        };
        Ok(Self { file, known })
    }

    pub(crate) const fn known(&self) -> u64 {
        self.known
    }

    /// Notes a generation that is durable. Not flushed: what is lost with the power is an old copy not noticed, and
    /// then only one as new as the last flush.
    pub(crate) fn note(&mut self, generation: u64) -> std::io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&generation.to_be_bytes())?;
        self.known = generation;
        Ok(())
    }
}

fn path(store: &Path) -> PathBuf {
    let mut name = OsString::from(store);
    name.push("-generation");
    name.into()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn witness_remembers_the_last_generation_until_the_store_is_made_anew() {
        let folder = std::env::temp_dir().join(format!("sanswire-witness-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let store = folder.join("account.db");
        let mut witness = Witness::open(&store, true).unwrap();
        assert_eq!(witness.known(), 0);
        witness.note(7).unwrap();
        witness.note(1 << 40).unwrap();
        assert_eq!(Witness::open(&store, false).unwrap().known(), 1 << 40);
        std::fs::write(path(&store), [1, 2, 3]).unwrap();
        assert_eq!(Witness::open(&store, false).unwrap().known(), 0, "a torn one knows nothing");
        assert_eq!(Witness::open(&store, true).unwrap().known(), 0);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
