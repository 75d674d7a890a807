//! A transport frame, sealed and opened again in one buffer: ours, wacore's, and bare AES-256-GCM as the floor.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use sanswire::crypto::Secret;
use sanswire::wire::noise::{Opener, Sealer};
use sanswire_bench::compare;
use wacore_libsignal::crypto::GcmInPlaceBuffer;
use wacore_noise::NoiseCipher;
use wacore_noise::framing::append_frame_header_into;

const KEY: [u8; 32] = [7; 32];
const HEADER_LEN: usize = 3;
const TAG_LEN: usize = 16;

fn main() {
    for (title, length) in [("100 B", 100), ("1 kB", 1_000), ("16 kB", 16_000)] {
        let plaintext: Vec<u8> = (0..length).map(|index: usize| index.to_le_bytes()[0]).collect();
        compare(format!("transport frame of {title}, seal and open"))
            .subject("sanswire", ours(&plaintext))
            .subject("wacore 0.7", wacore(&plaintext))
            .subject("bare AES-256-GCM", bare(&plaintext))
            .run();
    }
}

fn ours(plaintext: &[u8]) -> impl FnMut() -> usize {
    let key = Secret::new(KEY);
    let (mut sealer, mut opener) = (Sealer::new(&key), Opener::new(&key));
    let mut buffer = Vec::with_capacity(HEADER_LEN + plaintext.len() + TAG_LEN);
    move || {
        buffer.clear();
        sealer.seal_into(plaintext, &mut buffer).unwrap();
        opener.open_in_place(&mut buffer[HEADER_LEN..]).unwrap().len()
    }
}

fn wacore(plaintext: &[u8]) -> impl FnMut() -> usize {
    let cipher = NoiseCipher::new(&KEY).unwrap();
    let mut buffer = Vec::with_capacity(HEADER_LEN + plaintext.len() + TAG_LEN);
    let mut counter = 0;
    move || {
        buffer.clear();
        append_frame_header_into(plaintext.len() + TAG_LEN, None, &mut buffer).unwrap();
        buffer.extend_from_slice(plaintext);
        cipher.encrypt_in_place_with_counter(counter, &mut Body(&mut buffer)).unwrap();
        cipher.decrypt_in_place_with_counter(counter, &mut Body(&mut buffer)).unwrap();
        counter += 1;
        buffer.len() - HEADER_LEN
    }
}

fn bare(plaintext: &[u8]) -> impl FnMut() -> usize {
    let cipher = Aes256Gcm::new(&KEY.into());
    let mut buffer = Vec::with_capacity(HEADER_LEN + plaintext.len() + TAG_LEN);
    let mut counter = 0_u32;
    move || {
        let mut nonce = Nonce::default();
        nonce[8..].copy_from_slice(&counter.to_be_bytes());
        counter += 1;
        buffer.clear();
        buffer.extend_from_slice(&[0; HEADER_LEN]);
        buffer.extend_from_slice(plaintext);
        let tag = cipher.encrypt_inout_detached(&nonce, &[], (&mut buffer[HEADER_LEN..]).into()).unwrap();
        buffer.extend_from_slice(&tag);
        let (text, tag) = buffer[HEADER_LEN..].split_at_mut(plaintext.len());
        let tag = Tag::try_from(&*tag).unwrap();
        cipher.decrypt_inout_detached(&nonce, &[], text.into(), &tag).unwrap();
        plaintext.len()
    }
}

/// A frame's body behind its header, so that wacore too encrypts the bytes where they will be sent from.
struct Body<'a>(&'a mut Vec<u8>);

impl GcmInPlaceBuffer for Body<'_> {
    fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.0[HEADER_LEN..]
    }

    fn as_slice(&self) -> &[u8] {
        &self.0[HEADER_LEN..]
    }

    fn resize(&mut self, new_len: usize, value: u8) {
        self.0.resize(HEADER_LEN + new_len, value);
    }

    fn truncate(&mut self, len: usize) {
        self.0.truncate(HEADER_LEN + len);
    }
}
