//! How messages look as bytes: presence, packing, unknown values, shared buffers, depth.
#![allow(clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use prost::Message as _;
use sanswire_proto::records::{Session, SessionRecord, StoreMeta};
use sanswire_proto::whatsapp::message::FutureProofMessage;
use sanswire_proto::whatsapp::{AdvKeyIndexList, ClientPayload, Message, SenderKeyMessage, SignalMessage};

#[test]
fn a_text_message_comes_back_as_it_was() {
    let message = Message { conversation: Some("Good morning".into()), ..Message::default() };
    let bytes = message.encode_to_vec();
    assert_eq!(bytes[..2], [0x0a, 12]);
    assert_eq!(bytes[2..], *b"Good morning");
    assert_eq!(Message::decode(&bytes[..]).unwrap(), message);
}

#[test]
fn a_field_set_to_zero_is_written_and_one_not_set_is_not() {
    let zero = SenderKeyMessage { id: Some(0), iteration: Some(0), ciphertext: Some(Bytes::new()) };
    assert_eq!(zero.encode_to_vec(), [0x08, 0, 0x10, 0, 0x1a, 0]);
    assert_eq!(SenderKeyMessage::decode(&zero.encode_to_vec()[..]).unwrap(), zero);
    assert_eq!(SenderKeyMessage::default().encode_to_vec(), [0_u8; 0]);
    assert_eq!(SenderKeyMessage::decode(&[][..]).unwrap().id, None);
}

#[test]
fn fields_are_written_in_the_order_of_their_numbers() {
    let message = SignalMessage {
        ciphertext: Some(Bytes::from_static(b"c")),
        previous_counter: Some(1),
        counter: Some(2),
        ratchet_key: Some(Bytes::from_static(b"r")),
    };
    assert_eq!(message.encode_to_vec(), [0x0a, 1, b'r', 0x10, 2, 0x18, 1, 0x22, 1, b'c']);
}

#[test]
fn lists_declared_packed_are_packed_others_are_not_and_both_are_read() {
    let indexes = AdvKeyIndexList { valid_indexes: vec![1, 2], ..AdvKeyIndexList::default() };
    assert_eq!(indexes.encode_to_vec(), [0x22, 2, 1, 2]);
    assert_eq!(AdvKeyIndexList::decode(&[0x20, 1, 0x20, 2][..]).unwrap(), indexes);

    let payload = ClientPayload { shards: vec![1, 2], ..ClientPayload::default() };
    assert_eq!(payload.encode_to_vec(), [0x70, 1, 0x70, 2]);
    assert_eq!(ClientPayload::decode(&[0x72, 2, 1, 2][..]).unwrap(), payload);
}

#[test]
fn an_enum_number_that_nobody_knows_survives() {
    let payload = ClientPayload { connect_reason: Some(9999), ..ClientPayload::default() };
    let bytes = payload.encode_to_vec();
    let read = ClientPayload::decode(&bytes[..]).unwrap();
    assert_eq!(read.connect_reason, Some(9999));
    assert_eq!(read.encode_to_vec(), bytes);
}

#[test]
fn byte_fields_share_the_buffer_that_they_are_decoded_from() {
    let message =
        SenderKeyMessage { ciphertext: Some(Bytes::from(vec![7; 100])), ..SenderKeyMessage::default() };
    let buffer = Bytes::from(message.encode_to_vec());
    let read = SenderKeyMessage::decode(buffer.clone()).unwrap();
    assert!(buffer.as_ptr_range().contains(&read.ciphertext.unwrap().as_ptr()));
}

#[test]
fn messages_nested_too_deep_are_refused() {
    let nested = |depth: usize| {
        (0..depth).fold(Message::default(), |inner, _| {
            let wrapped = FutureProofMessage { message: Some(Box::new(inner)) };
            Message { ephemeral_message: Some(Box::new(wrapped)), ..Message::default() }
        })
    };
    assert!(Message::decode(&nested(40).encode_to_vec()[..]).is_ok());
    assert!(Message::decode(&nested(60).encode_to_vec()[..]).is_err());
}

#[test]
fn truncated_messages_are_refused() {
    let message = Message { conversation: Some("Good morning".into()), ..Message::default() };
    let bytes = message.encode_to_vec();
    for cut in 1..bytes.len() {
        assert!(Message::decode(&bytes[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn a_plain_text_is_not_moved_around_as_kilobytes() {
    assert!(size_of::<Message>() <= 1024);
}

#[test]
fn records_tell_zero_from_missing() {
    assert_eq!(StoreMeta { generation: Some(0), epoch: None }.encode_to_vec(), [0x08, 0]);
    let record = SessionRecord {
        current: Some(Session { version: Some(3), previous_counter: Some(0), ..Session::default() }),
        archived: vec![Session::default()],
        epoch: None,
    };
    let read = SessionRecord::decode(&record.encode_to_vec()[..]).unwrap();
    assert_eq!(read, record);
    assert_eq!(read.archived[0].previous_counter, None);
}
