//! The format: what is written is read, whatever happened to the file.

#![expect(clippy::unwrap_used, reason = "tests")]

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;
use proptest::prelude::*;

use super::entry::Row;
use super::format::{MAGIC, put_entry};
use super::writer::Writer;
use super::{Entry, Reader};
use crate::config::Config;
use crate::event::EventId;
use crate::input::{Found, Input};
use crate::messaging::SendMessage;
use crate::now::{Mono, Now, UnixMs};
use crate::ops::CallId;
use crate::output::Output;
use crate::records::Table;
use crate::wire::Jid;

fn bytes() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from)
}

fn found() -> impl Strategy<Value = Found> {
    let rows = prop::collection::vec((bytes().prop_map(Vec::from), bytes()), 0..5);
    prop_oneof![prop::option::of(bytes()).prop_map(Found::Value), rows.prop_map(Found::Rows)]
}

fn input() -> impl Strategy<Value = Input> {
    let call = |(id, text): (u64, String)| {
        let to = Jid::pn("15550001111", 0).into_owned();
        Input::Call(CallId(id), SendMessage::text(to, text).into())
    };
    prop_oneof![
        Just(Input::Connected),
        bytes().prop_map(Input::Received),
        Just(Input::Closed),
        Just(Input::Tick),
        prop::collection::vec(found(), 0..5).prop_map(Input::Loaded),
        (any::<u64>(), any::<String>()).prop_map(call),
        any::<u64>().prop_map(|id| Input::Seen(EventId(id))),
        Just(Input::Shutdown),
    ]
}

fn now() -> impl Strategy<Value = Now> {
    (any::<u64>(), any::<u64>()).prop_map(|(mono, unix)| Now { mono: Mono(mono), unix: UnixMs(unix) })
}

proptest! {
    #[test]
    fn what_is_written_is_read_wherever_the_file_ends(
        start in now(),
        inputs in prop::collection::vec((now(), input()), 0..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut writer = Writer::begin(&Config::default(), &[7; 32], start);
        let row = Row { table: Table::Session, key: b"15550001111.0".to_vec(), value: Bytes::from_static(b"x") };
        writer.records(core::slice::from_ref(&row), true);
        for (now, input) in &inputs {
            writer.input(input, *now);
            writer.output(&Output::Wait(Some(now.mono)), None);
        }
        let file = writer.take();
        let read = |file: &[u8]| {
            let mut reader = Reader::new(file.to_vec()).unwrap();
            let mut entries = Vec::new();
            while let Some(entry) = reader.next_entry().unwrap() {
                entries.push(entry);
            }
            (entries, reader.cut(), reader.position())
        };
        let (entries, is_cut, _) = read(&file);
        prop_assert!(!is_cut);
        prop_assert_eq!(&entries[1], &Entry::Records { rows: vec![row], last: true });
        let back: Vec<_> = entries.iter().filter_map(|entry| match entry {
            Entry::Input(now, input) => Some((*now, input.clone())),
            _ => None,
        }).collect();
        prop_assert_eq!(back, inputs);

        let end = cut.index(file.len() - 1) + 1;
        let (part, is_cut, whole) = read(&file[..end]);
        prop_assert_eq!(&part[..], &entries[..part.len()]);
        prop_assert_eq!(is_cut, whole != end || end < MAGIC.len());
    }

    #[test]
    fn a_changed_byte_is_noticed(
        inputs in prop::collection::vec((now(), input()), 1..5),
        at in any::<prop::sample::Index>(),
        change in 1..=u8::MAX,
    ) {
        let mut writer = Writer::begin(&Config::default(), &[7; 32], Now::default());
        for (now, input) in &inputs {
            writer.input(input, *now);
        }
        let mut file = writer.take();
        let at = at.index(file.len());
        file[at] ^= change;
        let read = Reader::new(file).and_then(|mut reader| {
            while reader.next_entry()?.is_some() {}
            Ok(reader.cut())
        });
        // A length that leads beyond the file reads as a cut.
        prop_assert!(read != Ok(false), "byte {} changed: {:?}", at, read);
    }
}

#[test]
fn zeros_behind_the_last_entry_are_a_cut_and_no_damage() {
    let mut file = Writer::begin(&Config::default(), &[7; 32], Now::default()).take();
    file.extend([0; 100]);
    let mut reader = Reader::new(file).unwrap();
    assert!(reader.next_entry().unwrap().is_some());
    assert_eq!((reader.next_entry().unwrap(), reader.cut()), (None, true));
}

#[test]
fn what_is_no_recording_says_so() {
    let error = |file: &[u8]| Reader::new(file.to_vec()).map(drop).unwrap_err().to_string();
    assert_eq!(error(b"SQLite format 3"), "not a sanswire recording");
    assert_eq!(error(b""), "not a sanswire recording");
    assert_eq!(
        error(b"sanswire recording 2: something new\n"),
        "recording format 2 is unknown to this release, which reads format 1"
    );
    let mut unknown = Writer::begin(&Config::default(), &[7; 32], Now::default()).take();
    put_entry(&mut unknown, 0x90, b"may be passed over");
    put_entry(&mut unknown, 0x60, b"may not");
    let mut reader = Reader::new(unknown).unwrap();
    reader.next_entry().unwrap();
    let error = reader.next_entry().unwrap_err().to_string();
    assert!(error.starts_with("entry of unknown kind 0x60 at byte "), "{error}");
}
