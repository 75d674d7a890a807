//! Recordings: arbitrary bytes, good ones that were damaged, and damaged ones whose frames were mended.

use sanswire::replay::{Entry, MAGIC, Reader, Replayer};

/// Reads and replays the bytes as they are, and once more with every entry framed anew, so that damage reaches what
/// lies behind the checksums.
pub fn recording(input: &[u8]) {
    examine(input);
    if let Some(body) = input.strip_prefix(MAGIC) {
        examine(&reframed(body));
    }
}

fn examine(recording: &[u8]) {
    let whole = entries(recording);
    assert!(whole.0.len() <= recording.len(), "more entries than bytes");
    let cut = entries(&recording[..recording.len() / 2]);
    if whole.1 {
        assert!(cut.1 || recording.len() / 2 == 0, "a recording that was cut off is refused");
        assert!(whole.0.starts_with(&cut.0), "the part before the cut reads as something else");
    }
    replay(recording);
}

/// Entries up to the first that cannot be read, and whether there was none such.
fn entries(recording: &[u8]) -> (Vec<Entry>, bool) {
    let Ok(mut reader) = Reader::new(recording.to_vec()) else { return (Vec::new(), false) };
    let (mut entries, mut position) = (Vec::new(), 0);
    loop {
        match reader.next_entry() {
            Ok(Some(entry)) => entries.push(entry),
            Ok(None) => return (entries, true),
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return (entries, false);
            }
        }
        assert!(reader.position() > position, "the reader stands still");
        position = reader.position();
    }
}

/// Running at once and step by step come to the same end.
fn replay(recording: &[u8]) {
    let Ok(replayer) = Replayer::new(recording.to_vec()) else { return };
    let ran = replayer.run();
    let mut stepper = Replayer::new(recording.to_vec()).expect("it could be read before");
    let stepped = loop {
        match stepper.step() {
            Ok(Some(step)) => assert!(!step.to_string().is_empty()),
            Ok(None) => break Ok(stepper.summary().clone()),
            Err(error) => break Err(error),
        }
    };
    match (ran, stepped) {
        (Ok(ran), Ok(stepped)) => assert_eq!(ran, stepped),
        (Err(ran), Err(stepped)) => assert_eq!(ran.to_string(), stepped.to_string()),
        (ran, stepped) => panic!("{ran:?} at once, {stepped:?} step by step"),
    }
}

/// The entries of a body, whatever lengths and checksums say: `kind || length || parity || payload || crc`.
fn reframed(mut body: &[u8]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    while let Some((&kind, rest)) = body.split_first() {
        let digits = 1 + rest.iter().take(3).take_while(|byte| **byte >= 0x80).count();
        let Some((digits, rest)) = rest.split_at_checked(digits) else { break };
        let length = digits.iter().rev().fold(0, |length, digit| length << 7 | usize::from(digit & 0x7f));
        let rest = rest.get(1..).unwrap_or_default();
        let (payload, rest) = rest.split_at(length.min(rest.len()));
        body = rest.get(4..).unwrap_or_default();
        put(&mut out, kind, payload);
    }
    out
}

/// Writes one entry. docs/recording-format.md.
fn put(out: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    let start = out.len();
    out.push(kind);
    let mut length = payload.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    let parity = out[start..].iter().fold(0xa5, |parity, byte| parity ^ byte);
    out.push(parity);
    out.extend_from_slice(payload);
    let checksum = crc32(&out[start..]);
    out.extend_from_slice(&checksum.to_le_bytes());
}

/// CRC-32 of IEEE 802.3, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}
