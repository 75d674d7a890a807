//! A second implementation of the format, from its description alone: takes recordings apart and builds them
//! anew, with changes.

use sanswire::crypto::mac;
use sanswire::replay::MAGIC;

/// One entry.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    pub(super) kind: u8,
    pub(super) payload: Vec<u8>,
}

/// The whole entries of a recording.
pub(super) fn entries(recording: &[u8]) -> Vec<Raw> {
    let mut rest = recording.get(MAGIC.len()..).unwrap_or_default();
    let mut entries = Vec::new();
    while let Some((raw, length)) = entry(rest) {
        entries.push(raw);
        rest = &rest[length..];
    }
    entries
}

fn entry(bytes: &[u8]) -> Option<(Raw, usize)> {
    let (length, digits) = varint(bytes.get(1..)?)?;
    let start = 1 + digits + 1;
    let payload = bytes.get(start..start + length as usize)?.to_vec();
    let checksum = bytes.get(start + payload.len()..start + payload.len() + 4)?;
    assert_eq!(checksum, crc(&bytes[..start + payload.len()]).to_le_bytes());
    let whole = start + payload.len() + 4;
    Some((Raw { kind: bytes[0], payload }, whole))
}

/// A recording of these entries, with running digests that fit them.
pub(super) fn file(entries: &[Raw]) -> Vec<u8> {
    let mut entries = entries.to_vec();
    let mut outputs = Vec::new();
    let mut count = 0;
    for raw in entries.iter_mut().filter(|raw| raw.kind & 0xf0 == 0x20) {
        count += 1;
        if raw.kind != 0x2f {
            add(&mut outputs, raw.kind, &raw.payload);
            continue;
        }
        let deadline = if raw.payload[0] == 1 { varint(&raw.payload[1..]).unwrap().1 } else { 0 };
        add(&mut outputs, raw.kind, &raw.payload[1..=deadline]);
        raw.payload.truncate(1 + deadline);
        put_varint(&mut raw.payload, count);
        raw.payload.extend_from_slice(&mac::sha256(&[&outputs])[..16]);
    }
    file_as_it_is(&entries)
}

fn add(outputs: &mut Vec<u8>, kind: u8, body: &[u8]) {
    outputs.push(kind);
    outputs.extend_from_slice(&(body.len() as u64).to_le_bytes());
    outputs.extend_from_slice(body);
}

/// A recording of these entries.
pub(super) fn file_as_it_is(entries: &[Raw]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    for raw in entries {
        let start = out.len();
        out.push(raw.kind);
        put_varint(&mut out, raw.payload.len() as u64);
        out.push(out[start..].iter().fold(0xa5, |parity, byte| parity ^ byte));
        out.extend_from_slice(&raw.payload);
        out.extend_from_slice(&crc(&out[start..]).to_le_bytes());
    }
    out
}

fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0)? + 1;
    let number = bytes[..length].iter().rev().fold(0, |number, byte| number << 7 | u64::from(byte & 0x7f));
    Some((number, length))
}

fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// CRC-32, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}
