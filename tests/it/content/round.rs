//! Whatever is built reads back as it was, and whatever arrives reads as something.

use proptest::prelude::*;
use prost::Message as _;
use sanswire::content::{Content, Draft, Text, View, envelope, kind, read, report, unwrap};
use sanswire::limits::MESSAGE_NESTING;
use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::protocol_message::Type;
use sanswire_proto::whatsapp::message::{CommentMessage, FutureProofMessage, ProtocolMessage};
use sanswire_proto::whatsapp::{ContextInfo, MessageKey};

use super::Scene;
use super::samples::{Deck, all, scene};

fn deck() -> impl Strategy<Value = Deck> {
    let words = prop::collection::vec("\\PC{1,20}", 1..6);
    let numbers = prop::collection::vec(any::<u32>(), 1..40);
    (words, numbers).prop_map(|(words, numbers)| Deck::new(words, numbers))
}

impl core::fmt::Debug for Deck {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?} {:?}", self.words, self.numbers)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_kind_reads_as_it_was_written(deck in deck()) {
        for (name, draft) in all(&deck) {
            let message = scene(name).build(&draft).unwrap_or_else(|error| panic!("{name}: {error}"));
            let bytes = message.encode_to_vec();
            let view = read(&Message::decode(bytes.as_slice()).unwrap());
            prop_assert_eq!(&view.content, &draft.content, "{}", name);
            prop_assert_eq!(&view.context, &draft.context, "{}", name);
        }
    }

    #[test]
    fn drafts_and_views_survive_json(deck in deck()) {
        for (name, draft) in all(&deck) {
            let json = serde_json::to_string(&draft).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Draft>(&json).unwrap(), &draft, "{}", name);
            let view = read(&scene(name).build(&draft).unwrap());
            let json = serde_json::to_string(&view).unwrap();
            prop_assert_eq!(&serde_json::from_str::<View>(&json).unwrap(), &view, "{}", name);
        }
    }

    #[test]
    fn no_message_panics(deck in deck(), at in any::<prop::sample::Index>(), cut in any::<u16>(), with in any::<u8>()) {
        let samples = all(&deck);
        let (name, draft) = at.get(&samples);
        let mut bytes = scene(name).build(draft).unwrap().encode_to_vec();
        let cut = usize::from(cut) % bytes.len();
        bytes[cut] = with;
        look(&bytes);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        look(&bytes);
    }
}

fn look(bytes: &[u8]) {
    let _ = report::content(bytes);
    if let Ok(message) = Message::decode(bytes) {
        let view = read(&message);
        let _ = (format!("{view:?}"), serde_json::to_string(&view).unwrap());
        let _ = (envelope(&message), unwrap(&message).secret(), kind(&message));
    }
}

fn wrapped(levels: usize) -> Message {
    let mut message = Scene::user().build(&Draft::text("deep down")).unwrap();
    message.message_context_info = None;
    for _ in 0..levels {
        let wrapper = FutureProofMessage { message: Some(Box::new(message)) };
        message = Message { ephemeral_message: Some(Box::new(wrapper)), ..Message::default() };
    }
    message
}

#[test]
fn wrappers_are_removed_up_to_the_limit_and_opaque_beyond() {
    let view = read(&wrapped(MESSAGE_NESTING));
    assert_eq!(view.content, Content::Text(Text::new("deep down")));
    assert!(view.flags.ephemeral && !view.flags.too_deep);
    let view = read(&wrapped(MESSAGE_NESTING + 1));
    assert_eq!(view.content, Content::Other { kind: "ephemeralMessage".to_owned() });
    assert!(view.flags.too_deep);
}

/// Edits of edits of edits, which nobody sends.
#[test]
fn messages_inside_of_messages_are_read_up_to_the_limit() {
    let mut edits = wrapped(0);
    let mut comments = wrapped(0);
    let mut quotes = wrapped(0);
    let key = MessageKey { id: Some("A".to_owned()), ..MessageKey::default() };
    for _ in 0..=MESSAGE_NESTING {
        let protocol = ProtocolMessage {
            key: Some(Box::new(key.clone())),
            r#type: Some(Type::MessageEdit as i32),
            edited_message: Some(Box::new(edits)),
            ..ProtocolMessage::default()
        };
        edits = Message { protocol_message: Some(Box::new(protocol)), ..Message::default() };
        let comment =
            CommentMessage { message: Some(Box::new(comments)), target_message_key: Some(key.clone()) };
        comments = Message { comment_message: Some(Box::new(comment)), ..Message::default() };
        let mut outer = wrapped(0);
        outer.extended_text_message.as_mut().unwrap().context_info = Some(Box::new(ContextInfo {
            stanza_id: Some("A".to_owned()),
            quoted_message: Some(Box::new(quotes)),
            ..ContextInfo::default()
        }));
        quotes = outer;
    }
    let depth = |message: &Message| {
        let mut content = read(message).content;
        for depth in 0.. {
            content = match content {
                Content::Edit(edit) => *edit.content,
                Content::Comment(comment) => *comment.content,
                _ => return depth,
            };
        }
        0
    };
    assert_eq!((depth(&edits), depth(&comments)), (MESSAGE_NESTING, MESSAGE_NESTING));
    assert!(read(&quotes).context.quote.is_some());
}
