//! Entries appended one after the other, with what the next one depends on: the clock and the running digest.

use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use super::entry::{self, Row};
use super::format::{MAGIC, kind, put_entry};
use super::input;
use super::output::{self, OutputKind};
use crate::config::Config;
use crate::input::Input;
use crate::now::Now;
use crate::output::Output;

/// Writes a recording into memory.
#[derive(Clone)]
pub(super) struct Writer {
    out: Vec<u8>,
    payload: Vec<u8>,
    now: Now,
    outputs: Running,
}

impl Writer {
    pub(super) fn begin(config: &Config, seed: &[u8; 32], now: Now) -> Self {
        let mut out = MAGIC.to_vec();
        let mut payload = Vec::new();
        entry::put_begin(&mut payload, config, seed, now);
        put_entry(&mut out, kind::BEGIN, &payload);
        Self { out, payload, now, outputs: Running::default() }
    }

    /// What was written since the last time.
    pub(super) fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.out)
    }

    /// How much waits to be taken.
    pub(super) const fn len(&self) -> usize {
        self.out.len()
    }

    pub(super) fn records(&mut self, rows: &[Row], last: bool) {
        self.payload.clear();
        entry::put_records(&mut self.payload, rows, last);
        put_entry(&mut self.out, kind::RECORDS, &self.payload);
    }

    /// Writes an input down; what it gives undoes that, when the input was not taken after all.
    pub(super) fn input(&mut self, input: &Input, now: Now) -> Undo {
        let undo = Undo { len: self.out.len(), now: self.now };
        self.payload.clear();
        let kind = input::put(&mut self.payload, input, self.now, now);
        put_entry(&mut self.out, kind, &self.payload);
        self.now = now;
        undo
    }

    pub(super) fn undo(&mut self, undo: Undo) {
        self.out.truncate(undo.len);
        self.now = undo.now;
    }

    pub(super) fn output(&mut self, output: &Output, stanza: Option<&[u8]>) {
        self.payload.clear();
        let kind = output::put(&mut self.payload, output, stanza);
        self.outputs.add(kind, &self.payload);
        if let Output::Wait(deadline) = output {
            self.payload.clear();
            entry::put_drained(&mut self.payload, *deadline, self.outputs.count, &self.outputs.digest());
        }
        put_entry(&mut self.out, kind.number(), &self.payload);
    }
}

/// Where a recording stood before an input.
pub(super) struct Undo {
    len: usize,
    now: Now,
}

/// The running digest: SHA-256 over kind, length and body of every output.
#[derive(Clone, Debug, Default)]
pub(super) struct Running {
    hash: Sha256,
    pub(super) count: u64,
}

impl Running {
    pub(super) fn add(&mut self, kind: OutputKind, body: &[u8]) {
        self.count += 1;
        self.hash.update([kind.number()]);
        self.hash.update((body.len() as u64).to_le_bytes());
        self.hash.update(body);
    }

    pub(super) fn digest(&self) -> [u8; 16] {
        let whole = self.hash.clone().finalize();
        let mut digest = [0; 16];
        digest.copy_from_slice(&whole[..16]);
        digest
    }
}
