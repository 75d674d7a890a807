//! The account that a command works with: its store, its server, and a client that runs meanwhile.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use futures_lite::future::{or, zip};
use sanswire::crypto::PublicKey;
use sanswire::{Config, Machine};
use sanswire_driver::{Driver, DriverError, Handle};
use sanswire_smol::Tls;
use sanswire_store::SqliteStore;

use crate::failure::Failure;
use crate::stop;

/// Which account, and where.
#[derive(clap::Args)]
pub(crate) struct Account {
    /// The file with the account's keys and messages; one client at a time can use it
    #[arg(long, value_name = "FILE")]
    pub(crate) store: PathBuf,
    /// Address of the server (ws://… or wss://…) [default: the real service]
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Root key of the server's certificates, 64 hex digits [default: that of the real service]
    #[arg(long, value_name = "HEX", value_parser = root_key)]
    cert_root: Option<[u8; 32]>,
    /// PEM file with the TLS certificates to trust [default: the web's authorities]
    #[arg(long, value_name = "FILE")]
    tls_roots: Option<PathBuf>,
    /// Write everything that happens to this new file, for `sanswire replay`: it holds keys and messages
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

impl Account {
    /// The configuration that the options describe.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::default();
        if let Some(url) = &self.server {
            config.target.url.clone_from(url);
        }
        if let Some(root) = self.cert_root {
            config.trust.root = PublicKey::new(root);
        }
        config
    }

    /// Insists that there is a store, so that a mistyped name does not make a new one.
    pub(crate) fn must_exist(&self) -> Result<(), Failure> {
        match fs::metadata(&self.store) {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Failure::NotPaired(self.store.clone())),
            _ => Ok(()),
        }
    }

    /// Runs the account's client while `work` goes on, and ends it in good order after that, or when
    /// interrupted.
    pub(crate) fn run<T>(
        &self,
        config: Config,
        work: impl AsyncFnOnce(&Handle) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let tls = self.tls()?;
        let store = SqliteStore::open(&self.store).map_err(DriverError::from)?;
        match &self.record {
            None => Self::drive(Driver::open(config, store)?, tls, work),
            Some(path) => Self::drive(Driver::open_recorded(config, store, Film::create(path)?)?, tls, work),
        }
    }

    fn drive<M: Machine + 'static, T>(
        (driver, handle): (Driver<M, SqliteStore>, Handle),
        tls: Tls,
        work: impl AsyncFnOnce(&Handle) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let working = async {
            let interrupted = async {
                stop::interrupted().await;
                Err(Failure::Interrupted)
            };
            let outcome = or(work(&handle), interrupted).await;
            handle.shutdown().await;
            outcome
        };
        let (ended, outcome) = smol::block_on(zip(sanswire_smol::run(driver, tls), working));
        ended?;
        outcome
    }

    fn tls(&self) -> Result<Tls, Failure> {
        let Some(path) = &self.tls_roots else { return Ok(Tls::default()) };
        let refuse = |error: String| Failure::Argument(format!("{}: {error}", path.display()));
        let pem = fs::read(path).map_err(|error| refuse(error.to_string()))?;
        Tls::with_roots(&pem).map_err(|error| refuse(error.to_string()))
    }
}

/// The file of a recording. That it cannot be written any further is said once.
struct Film {
    file: File,
    path: PathBuf,
}

impl Film {
    fn create(path: &Path) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let refuse = |error| Failure::Argument(format!("cannot record to {}: {error}", path.display()));
        let file = options.open(path).map_err(refuse)?;
        eprintln!(
            "sanswire: recording to {}: it will hold this account's secret keys and messages; \
             whoever has it can act as this device",
            path.display()
        );
        Ok(Self { file, path: path.to_owned() })
    }
}

impl Write for Film {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes);
        if let Err(error) = &written
            && error.kind() != ErrorKind::Interrupted
        {
            eprintln!("sanswire: the recording {} ends here: {error}", self.path.display());
        }
        written
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

fn root_key(text: &str) -> Result<[u8; 32], String> {
    let mut key = [0; 32];
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return Err(format!("{} characters instead of 64 hex digits", text.chars().count()));
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = core::str::from_utf8(pair)
            .ok()
            .filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let value = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        *byte = value.ok_or("not hex digits")?;
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_keys_are_64_hex_digits() {
        let mut key = [0; 32];
        key[0] = 0xaf;
        key[31] = 1;
        assert_eq!(root_key(&format!("aF{}01", "0".repeat(60))), Ok(key));
        assert!(root_key(&"0".repeat(63)).is_err());
        assert!(root_key(&"0".repeat(66)).is_err());
        assert!(root_key(&"+1".repeat(32)).is_err());
        assert!(root_key(&"é".repeat(32)).is_err());
    }
}
