//! What drafts are refused for, what the stanza around a message says, and how contexts behave.

use prost::Message as _;
use sanswire::content::{
    Blob, Colour, Content, ContentError, Context, Draft, Edit, Envelope, Forward, Key, Quote, Reaction,
    Revoke, Text, envelope, read, unwrap,
};
use sanswire_proto::whatsapp::message::protocol_message::Type;
use sanswire_proto::whatsapp::message::{FutureProofMessage, ProtocolMessage};
use sanswire_proto::whatsapp::{Message, MessageContextInfo, MessageKey};

use super::samples::{Deck, all, scene};
use super::{Scene, jid, with};

/// Kind, media, edit, hidden, meta, business: one line for each kind.
fn line(envelope: &Envelope) -> String {
    let meta: Vec<_> = envelope.meta.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!(
        "{} media={} edit={} hide={} report={} {} {}",
        envelope.kind,
        envelope.media.unwrap_or("-"),
        envelope.edit.unwrap_or("-"),
        envelope.hide,
        envelope.reporting,
        meta.join(" "),
        envelope.business.as_ref().map_or("", |business| business.tag),
    )
}

#[test]
fn the_stanza_says_of_each_kind_what_official_clients_say() {
    let mut lines = Vec::new();
    for (name, draft) in all(&Deck::plain()) {
        let message = scene(name).build(&draft).unwrap();
        lines.push(format!("{name}: {}", line(&envelope(&message)).trim_end()));
    }
    insta::assert_snapshot!("envelopes", lines.join("\n"));
}

#[test]
fn own_messages_are_revoked_anywhere_and_those_of_others_in_groups_only() {
    let revoke = |of| Draft::new(Content::Revoke(Revoke { of }));
    let own = Scene::user().build(&revoke(Key::own("A"))).unwrap();
    assert_eq!(envelope(&own).edit, Some("7"));
    let sender = Some(jid("100000000000011@lid"));
    let admin = Scene::group().build(&revoke(Key::of("A", sender.clone()))).unwrap();
    assert_eq!((envelope(&admin).edit, envelope(&admin).hide), (Some("8"), false));
    assert_eq!(
        admin.protocol_message.unwrap().key.unwrap().participant.as_deref(),
        Some("100000000000011@lid")
    );
    let error = Scene::user().refusal(Content::Revoke(Revoke { of: Key::of("A", sender) }));
    assert!(matches!(error, ContentError::Invalid { what: "revocation", .. }));
    assert!(matches!(
        Scene::group().refusal(Content::Revoke(Revoke { of: Key::of("A", None) })),
        ContentError::Empty(_)
    ));
}

#[test]
fn an_edit_in_a_group_names_its_author_and_only_own_messages_are_edited() {
    let edit =
        |of| Content::Edit(Edit { of, content: Box::new(Content::Text(Text::new("b"))), sent_ms: None });
    let message = Scene::group().build(&Draft::new(edit(Key::own("A")))).unwrap();
    assert_eq!(envelope(&message).edit, Some("1"));
    let Content::Edit(read) = read(&message).content else { panic!("no edit") };
    assert_eq!(read.of.sender, Some(jid(super::ME)));
    let other = Key::of("A", Some(jid("100000000000011@lid")));
    assert!(matches!(Scene::group().refusal(edit(other)), ContentError::Invalid { what: "edit", .. }));
}

#[test]
fn a_protocol_message_without_a_known_type_is_no_revocation() {
    for number in [None, Some(9_999)] {
        let protocol = ProtocolMessage { r#type: number, ..ProtocolMessage::default() };
        let message = Message { protocol_message: Some(Box::new(protocol)), ..Message::default() };
        assert!(matches!(read(&message).content, Content::Protocol(_)));
    }
    let protocol = ProtocolMessage { r#type: Some(Type::Revoke as i32), ..ProtocolMessage::default() };
    let message = Message { protocol_message: Some(Box::new(protocol)), ..Message::default() };
    assert!(matches!(read(&message).content, Content::Protocol(_)), "a revocation of nothing");
}

#[test]
fn what_hides_behind_the_first_kind_has_no_effect_and_is_not_forwarded() {
    let protocol = ProtocolMessage {
        key: Some(Box::new(MessageKey { id: Some("A".to_owned()), ..MessageKey::default() })),
        r#type: Some(Type::Revoke as i32),
        ..ProtocolMessage::default()
    };
    let both = Message {
        conversation: Some("look here".to_owned()),
        protocol_message: Some(Box::new(protocol)),
        ..Message::default()
    };
    assert_eq!(read(&both).content, Content::Text(Text::new("look here")));
    let forward = Forward { message: both.encode_to_vec().into(), ..Forward::default() };
    assert!(matches!(Scene::user().refusal(Content::Forward(forward)), ContentError::NotSendable(_)));
}

#[test]
fn what_has_no_place_for_a_quote_says_so_but_timers_are_left_out_in_silence() {
    let reaction = || Content::Reaction(Reaction::new(Key::own("A"), "+"));
    let timed = Context { expiration_s: Some(86_400), ..Context::default() };
    assert!(Scene::user().build(&with(reaction(), timed)).is_ok());
    let mention = Context { mention_all: true, ..Context::default() };
    assert_eq!(
        Scene::user().build(&with(reaction(), mention)),
        Err(ContentError::NoContext("reactionMessage"))
    );
}

#[test]
fn a_quote_can_be_given_as_content_and_needs_an_author() {
    let quote = Quote {
        id: "A".to_owned(),
        sender: Some(jid("15550001111:3@s.whatsapp.net")),
        content: Some(Box::new(Content::Text(Text::new("said before")))),
        ..Quote::default()
    };
    let draft = with(Content::Text(Text::new("indeed")), Context::quoting(quote.clone()));
    let view = read(&Scene::user().build(&draft).unwrap());
    let read = view.context.quote.unwrap();
    assert_eq!(read.sender, Some(jid("15550001111@s.whatsapp.net")));
    assert_eq!(read.content, quote.content);
    let nobody = Quote { sender: None, ..quote.clone() };
    let nothing = Quote { content: None, ..quote.clone() };
    let broken = Quote { message: Some(Blob::from(vec![0xff])), ..quote };
    for quote in [nobody, nothing, broken] {
        let draft = with(Content::Text(Text::new("indeed")), Context::quoting(quote));
        assert!(Scene::user().build(&draft).is_err());
    }
}

#[test]
fn forwarding_needs_content_and_counts_up() {
    let forward =
        |message: Vec<u8>| Content::Forward(Forward { message: message.into(), ..Forward::default() });
    for bytes in [vec![], vec![0xff]] {
        assert!(matches!(Scene::user().refusal(forward(bytes)), ContentError::NotAMessage(_)));
    }
    let mut bytes = Scene::user().build(&Draft::text("again")).unwrap().encode_to_vec();
    for score in 1..4 {
        let message = Scene::user().build(&Draft::new(forward(bytes))).unwrap();
        assert_eq!(read(&message).context.forwarding_score, score);
        bytes = message.encode_to_vec();
    }
}

#[test]
fn raw_content_goes_out_as_it_is() {
    let bytes = Message { conversation: Some("as is".to_owned()), ..Message::default() }.encode_to_vec();
    let raw = Content::Raw { message: bytes.clone().into() };
    assert_eq!(Scene::user().build(&Draft::new(raw)).unwrap().encode_to_vec(), bytes);
}

#[test]
fn the_context_of_the_innermost_level_that_has_one_counts() {
    let info = |secret: u8| {
        let message_secret = Some(vec![secret; 32].into());
        Some(Box::new(MessageContextInfo { message_secret, ..MessageContextInfo::default() }))
    };
    let wrap = |message: Message, outer: Option<Box<MessageContextInfo>>| Message {
        ephemeral_message: Some(Box::new(FutureProofMessage { message: Some(Box::new(message)) })),
        message_context_info: outer,
        ..Message::default()
    };
    let inner = Message { conversation: Some("a".to_owned()), ..Message::default() };
    assert_eq!(unwrap(&wrap(inner.clone(), info(1))).secret(), Some([1; 32]));
    let own = Message { message_context_info: info(2), ..inner };
    assert_eq!(unwrap(&wrap(own, info(1))).secret(), Some([2; 32]));
}

#[test]
fn a_command_line_says_little() {
    let draft: Draft = serde_json::from_str(r#"{"content": {"text": {"body": "hi"}}}"#).unwrap();
    assert_eq!(draft, Draft::text("hi"));
    assert_eq!(serde_json::to_string(&draft).unwrap(), r#"{"content":{"text":{"body":"hi"}}}"#);
    let reaction = r#"{"content": {"reaction": {"to": {"id": "A", "from_me": true}, "emoji": "+"}}}"#;
    let draft: Draft = serde_json::from_str(reaction).unwrap();
    assert_eq!(draft.content, Content::Reaction(Reaction::new(Key::own("A"), "+")));
    let asked: Draft = serde_json::from_str(r#"{"content": "request_phone_number"}"#).unwrap();
    assert_eq!(asked.content, Content::RequestPhoneNumber);
    assert_eq!(Colour::parse("#1E6E4F"), Some(Colour(0xff1e_6e4f)));
    assert_eq!(Colour::parse("no colour"), None);
}

#[test]
fn channels_take_neither_quotes_nor_timers_nor_keys() {
    let scene = Scene::new("120363111111111111@newsletter");
    let (_, image) = all(&Deck::plain()).swap_remove(1);
    let context = Context { expiration_s: Some(1), mention_all: true, ..Context::default() };
    let message = scene.build(&Draft { content: image.content, context }).unwrap();
    let image = message.image_message.unwrap();
    assert!(image.media_key.is_none() && image.file_enc_sha256.is_none() && image.file_sha256.is_some());
    let info = image.context_info.unwrap();
    assert_eq!((info.expiration, info.non_jid_mentions), (None, Some(1)));
}
