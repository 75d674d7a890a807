//! Each bound of content at its edge and over it.

use sanswire::content::{
    Album, Audio, Blob, BotAnswer, Button, Buttons, CallLog, Contact, Contacts, Content, ContentError,
    Context, Draft, Key, List, ListRow, ListSection, MediaFile, MemberLabel, PackedSticker, Pin, Poll,
    PollVote, StickerPack, Text, read,
};
use sanswire::limits::{
    ALBUM_PARTS, BOT_ANSWER_PARTS, BUTTONS_PER_MESSAGE, CALL_PARTICIPANTS, CONTACTS_PER_MESSAGE, LIST_ROWS,
    MEMBER_LABEL_CHARS, MENTIONS_PER_MESSAGE, MESSAGE_ID_BYTES, MESSAGE_TEXT_BYTES, PIN_DURATIONS_S,
    POLL_OPTIONS_MAX, POLL_OPTIONS_MIN, STICKER_PACK_ID_BYTES, STICKERS_PER_PACK, WAVEFORM_BYTES,
};
use sanswire_proto::whatsapp::message::CallLogMessage;
use sanswire_proto::whatsapp::message::call_log_message::CallParticipant;
use sanswire_proto::whatsapp::{AiRichResponseMessage, AiRichResponseSubMessage, Message};

use super::{Scene, jid, with};

/// Builds at the bound, and is refused for being too long over it.
fn at_most(bound: usize, content: impl Fn(usize) -> Content) {
    let scene = Scene::group();
    scene.build(&Draft::new(content(bound))).unwrap();
    let error = scene.refusal(content(bound + 1));
    assert!(matches!(error, ContentError::TooLong { limit, .. } if limit == bound), "{error:?}");
}

fn file() -> MediaFile {
    let hash = Blob::from(vec![1; 32]);
    MediaFile {
        direct_path: "/v".to_owned(),
        media_key: Some(hash.clone()),
        sha256: hash.clone(),
        enc_sha256: Some(hash),
        ..MediaFile::default()
    }
}

#[test]
fn texts_and_ids_have_a_longest() {
    at_most(MESSAGE_TEXT_BYTES, |len| Content::Text(Text::new("a".repeat(len))));
    let pin = |len: usize| {
        let sender = Some(jid("100000000000011@lid"));
        Content::Pin(Pin { to: Key::of("A".repeat(len), sender), ..Pin::default() })
    };
    at_most(MESSAGE_ID_BYTES, pin);
    at_most(MEMBER_LABEL_CHARS, |len| {
        Content::MemberLabel(MemberLabel { label: "ü".repeat(len), set: None })
    });
}

#[test]
fn polls_have_two_to_twelve_different_options_and_a_choice_among_them() {
    let options = |len: usize| (0..len).map(|at| at.to_string());
    at_most(POLL_OPTIONS_MAX, |len| Content::Poll(Poll::new("?", options(len))));
    let scene = Scene::group();
    scene.build(&Draft::new(Content::Poll(Poll::new("?", options(POLL_OPTIONS_MIN))))).unwrap();
    let few = Poll::new("?", options(POLL_OPTIONS_MIN - 1));
    let twice = Poll::new("?", ["a", "a"]);
    let many = Poll { selectable: 3, ..Poll::new("?", ["a", "b"]) };
    let wrong = Poll { answer: Some("c".to_owned()), ..Poll::new("?", ["a", "b"]) };
    for poll in [few, twice, many, wrong] {
        let error = scene.refusal(Content::Poll(poll));
        assert!(matches!(error, ContentError::Invalid { what: "poll", .. }), "{error:?}");
    }
    let scene = Scene { parent: Some(([1; 32], jid("15550001111@s.whatsapp.net"))), ..Scene::user() };
    let vote = |len| PollVote { poll: Key::own("A"), options: options(len).collect(), ..PollVote::default() };
    scene.build(&Draft::new(Content::PollVote(vote(POLL_OPTIONS_MAX)))).unwrap();
    let error = scene.refusal(Content::PollVote(vote(POLL_OPTIONS_MAX + 1)));
    assert!(matches!(error, ContentError::TooLong { .. }), "{error:?}");
}

#[test]
fn lists_have_a_longest() {
    at_most(CONTACTS_PER_MESSAGE, |len| {
        Content::Contacts(Contacts { name: None, contacts: vec![Contact::default(); len] })
    });
    at_most(ALBUM_PARTS as usize, |len| {
        Content::Album(Album { images: Some(1), videos: Some(u32::try_from(len).unwrap() - 1) })
    });
    at_most(BUTTONS_PER_MESSAGE, |len| {
        let body = "?".to_owned();
        Content::Buttons(Buttons { body, buttons: vec![Button::default(); len], ..Buttons::default() })
    });
    at_most(LIST_ROWS, |len| {
        let section = ListSection { title: String::new(), rows: vec![ListRow::default(); len] };
        Content::List(List { description: "?".to_owned(), sections: vec![section], ..List::default() })
    });
    let pack = |id: usize, stickers: usize| {
        Content::StickerPack(StickerPack {
            id: "a".repeat(id),
            stickers: vec![PackedSticker::default(); stickers],
            file: file(),
            ..StickerPack::default()
        })
    };
    at_most(STICKERS_PER_PACK, |len| pack(1, len));
    at_most(STICKER_PACK_ID_BYTES, |len| pack(len, 1));
    at_most(WAVEFORM_BYTES, |len| {
        let waveform = Some(vec![1; len].into());
        Content::Audio(Audio { file: file(), voice: true, waveform, ..Audio::default() })
    });
}

#[test]
fn so_many_are_mentioned_and_no_more() {
    let mentions = |len| Context { mentions: vec![jid("100000000000011@lid"); len], ..Context::default() };
    let text = || Content::Text(Text::new("hi"));
    Scene::group().build(&with(text(), mentions(MENTIONS_PER_MESSAGE))).unwrap();
    let error = Scene::group().build(&with(text(), mentions(MENTIONS_PER_MESSAGE + 1))).unwrap_err();
    assert!(matches!(error, ContentError::TooLong { limit: MENTIONS_PER_MESSAGE, .. }));
}

#[test]
fn messages_are_pinned_as_long_as_clients_know() {
    let pin = |duration_s| Content::Pin(Pin { to: Key::own("A"), duration_s, ..Pin::default() });
    let duration = |message: Message| message.message_context_info.unwrap().message_add_on_duration_in_secs;
    for seconds in PIN_DURATIONS_S {
        let message = Scene::user().build(&Draft::new(pin(Some(seconds)))).unwrap();
        assert_eq!(duration(message), Some(seconds));
    }
    let message = Scene::user().build(&Draft::new(pin(None))).unwrap();
    assert_eq!(duration(message), Some(PIN_DURATIONS_S[0]));
    assert!(matches!(Scene::user().refusal(pin(Some(1))), ContentError::Invalid { .. }));
}

#[test]
fn of_endless_lists_that_arrive_the_beginning_is_read() {
    let participant = CallParticipant { jid: Some("100000000000011@lid".to_owned()), call_outcome: Some(1) };
    let log = CallLogMessage {
        participants: vec![participant; CALL_PARTICIPANTS + 1],
        ..CallLogMessage::default()
    };
    let message = Message { call_log_messsage: Some(Box::new(log)), ..Message::default() };
    let Content::CallLog(CallLog { participants, .. }) = read(&message).content else { panic!("no call") };
    assert_eq!(participants.len(), CALL_PARTICIPANTS);
    assert_eq!(participants[0].1, "MISSED");
    let part = AiRichResponseSubMessage { message_text: Some("a".to_owned()), ..Default::default() };
    let submessages = vec![part; BOT_ANSWER_PARTS + 1];
    let answer = AiRichResponseMessage { submessages, ..AiRichResponseMessage::default() };
    let message = Message { rich_response_message: Some(Box::new(answer)), ..Message::default() };
    let Content::BotAnswer(BotAnswer { texts }) = read(&message).content else { panic!("no answer") };
    assert_eq!(texts.len(), BOT_ANSWER_PARTS);
}
