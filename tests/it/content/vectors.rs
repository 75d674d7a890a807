//! The reference's vectors of content, and where we decided against what made them.

use prost::Message as _;
use sanswire::content::tally::{self, Receipt};
use sanswire::content::{Blob, Content, Key, Poll, PollVote, Reaction, kind, read, unwrap};
use sanswire_proto::whatsapp::message::FutureProofMessage;
use sanswire_proto::whatsapp::{ContextInfo, Message};
use serde_json::{Value, json};

use super::translate::{draft, key, owned, string};
use super::{Scene, jid};
use crate::vectors::{Case, check, hex, load, same, to_hex};

/// What we build instead, made out of what the reference client built; `None` for a refusal.
type Ours = fn(Message) -> Option<Message>;

/// Cases in which we build something else than the client that made the vectors, and why.
const DECISIONS: &[(&str, &str, Ours)] = &[
    ("p/text-empty", "a text that says nothing is a mistake of the caller", |_| None),
    ("p/text-bg-font-number", "a colour given as a number is lost there by mistake", |mut message| {
        message.extended_text_message.as_mut().unwrap().background_argb = Some(0xffed_2979);
        Some(message)
    }),
    ("p/text-bg-hex6", "font 0 is a font, not the absence of one", |mut message| {
        message.extended_text_message.as_mut().unwrap().font = Some(0);
        Some(message)
    }),
    ("p/text-edit", "edits go into the wrapper, as from official clients", wrapped_edit),
    ("p/text-edit-mentions", "edits go into the wrapper, as from official clients", wrapped_edit),
    ("p/text-edit-context", "the context belongs to the new content, not to the edit", |mut message| {
        let edit = message.protocol_message.as_mut().unwrap().edited_message.as_mut().unwrap();
        edit.extended_text_message.as_mut().unwrap().context_info =
            Some(Box::new(ContextInfo { expiration: Some(604_800), ..ContextInfo::default() }));
        wrapped_edit(message)
    }),
    ("p/media-image-edit", "edits go into the wrapper, as from official clients", wrapped_edit),
    ("p/text-view-once", "the second wrapper and the flag, as from official clients", newer_view_once),
    ("p/text-view-once-mentions", "mentions belong to the text, not to the wrapper", |mut message| {
        let inner = message.view_once_message.as_mut().unwrap().message.as_mut().unwrap();
        inner.extended_text_message.as_mut().unwrap().context_info = Some(mentions());
        newer_view_once(message)
    }),
    ("p/location-view-once", "the second wrapper, as from official clients", newer_view_once),
    ("p/media-image-view-once", "the second wrapper, as from official clients", newer_view_once),
    ("p/forward-with-secret", "each message has a secret of its own", |mut message| {
        let secret = hex("5a611230a8eb6b885c866a7c4299f31665b82f9163b5a9a4f37779a2cf42aba0");
        message.message_context_info.as_mut().unwrap().message_secret = Some(secret.into());
        Some(message)
    }),
    ("p/poll-mentions", "mentions belong to the poll, and are not lost", |mut message| {
        message.poll_creation_message_v3.as_mut().unwrap().context_info = Some(mentions());
        Some(message)
    }),
    ("p/album-child-text", "parts of an album go into the wrapper for them", album_child),
    ("p/media-album-child", "parts of an album go into the wrapper for them", album_child),
    ("p/media-document-caption", "a document with a caption goes into the wrapper for it", |mut message| {
        let info = message.message_context_info.take();
        let document_with_caption_message = wrapper(message);
        Some(Message { document_with_caption_message, message_context_info: info, ..Message::default() })
    }),
];

/// Messages of which we remove more wrappers than the client that made the vectors.
const UNWRAPPED_FURTHER: &[(&str, &str)] = &[
    ("p/norm-nested-6", "eight levels are looked into, not five"),
    ("p/norm-group-mention-not-unwrapped", "mentions of groups are a wrapper to look into"),
];

fn mentions() -> Box<ContextInfo> {
    Box::new(ContextInfo {
        mentioned_jid: vec!["15550002222@s.whatsapp.net".to_owned()],
        non_jid_mentions: Some(0),
        ..ContextInfo::default()
    })
}

fn wrapper(message: Message) -> Option<Box<FutureProofMessage>> {
    Some(Box::new(FutureProofMessage { message: Some(Box::new(message)) }))
}

fn wrapped_edit(mut message: Message) -> Option<Message> {
    let info = message.message_context_info.take();
    Some(Message { edited_message: wrapper(message), message_context_info: info, ..Message::default() })
}

fn newer_view_once(mut message: Message) -> Option<Message> {
    let mut inner = *message.view_once_message.take()?.message?;
    if let Some(text) = inner.extended_text_message.as_mut() {
        text.view_once = Some(true);
    }
    message.view_once_message_v2 = wrapper(inner);
    Some(message)
}

fn album_child(mut message: Message) -> Option<Message> {
    let info = message.message_context_info.take();
    let associated_child_message = wrapper(message);
    Some(Message { associated_child_message, message_context_info: info, ..Message::default() })
}

#[test]
fn content_becomes_the_message_that_other_clients_make_of_it_or_what_we_decided() {
    check("content.json", |case| match case.op() {
        "content" | "message" => built(case),
        "normalize" => unwrapped(case),
        "poll_aggregate" => poll(case),
        "receipt_aggregate" => receipts(case),
        "reaction_aggregate" => reactions(case),
        "read_keys" => read_keys(case),
        "chat_id" => {
            let found = key(&case.input["key"]).conversation().map(ToString::to_string);
            same("conversation", &found, &string(&case.expected["result"]))
        }
        "clean" => turned(case),
        other => Err(format!("no test of {other}")),
    });
}

#[test]
fn each_decision_names_a_case() {
    let cases = load("content.json");
    let names = DECISIONS.iter().map(|(name, why, _)| (name, why));
    for (name, why) in names.chain(UNWRAPPED_FURTHER.iter().map(|(name, why)| (name, why))) {
        assert!(cases.iter().any(|case| case.name == *name), "{name} is no case");
        assert!(!why.is_empty());
    }
}

fn built(case: &Case) -> Result<(), String> {
    let refused = case.expected["error"] == true;
    let Some(draft) = draft(case) else {
        return if refused { Ok(()) } else { Err("a draft cannot say it".to_owned()) };
    };
    let mut scene = Scene::new(case.input["jid"].as_str().unwrap_or("15550001111@s.whatsapp.net"));
    scene.now_ms = case.input["now_ms"].as_u64().unwrap();
    let secret = &case.expected["fields"]["messageContextInfo"]["messageSecret"]["$hex"];
    let random = hex(secret.as_str().unwrap_or_else(|| case.text("random")));
    let decision = DECISIONS.iter().find(|(name, ..)| *name == case.name);
    // A secret that an event brings along or a forward keeps is ours to give.
    let given = decision.is_none_or(|(name, ..)| *name != "p/forward-with-secret");
    let random = if given { random } else { hex(case.text("random")) };
    scene.secret = random.try_into().unwrap();
    let expected = match (refused, decision) {
        (true, _) => None,
        (false, decision) => {
            let theirs = Message::decode(hex(case.expected["message"].as_str().unwrap()).as_slice()).unwrap();
            match decision {
                Some((_, _, ours)) => ours(theirs),
                None => Some(theirs),
            }
        }
    };
    match (scene.build(&draft), expected) {
        (Err(_), None) => Ok(()),
        (Err(error), Some(_)) => Err(error.to_string()),
        (Ok(message), None) => Err(format!("built {message:?}")),
        (Ok(message), Some(expected)) if decision.is_none() => {
            same("message", &message, &expected)?;
            let bytes = to_hex(&message.encode_to_vec());
            same("bytes", &bytes.as_str(), &case.expected["message"].as_str().unwrap())
        }
        (Ok(message), Some(expected)) => same("message", &message, &expected),
    }
}

fn unwrapped(case: &Case) -> Result<(), String> {
    let message = Message::decode(case.bytes("message").as_slice()).unwrap();
    let whole = unwrap(&message);
    let is_content = |name: &&str| {
        *name == "conversation" || name.contains("Message") && !name.contains("KeyDistribution")
    };
    let name = Some(kind(whole.message)).filter(is_content);
    let view = read(&message);
    if UNWRAPPED_FURTHER.iter().any(|(name, _)| *name == case.name) {
        let Content::Text(text) = &view.content else { return Err(format!("read {:?}", view.content)) };
        return same("text", &text.body.as_str(), &"Hello there");
    }
    let bytes = to_hex(&whole.message.encode_to_vec());
    same("inner message", &bytes.as_str(), &case.expected["normalized"].as_str().unwrap())?;
    same("kind", &name, &case.expected["content_type"].as_str())?;
    same("counts", &view.content.is_message(), &case.expected["is_real"].as_bool().unwrap())?;
    if case.expected["extracted"] == case.expected["normalized"] {
        return Ok(());
    }
    // The part that other clients extract is the header, or else the text.
    let Content::Buttons(buttons) = view.content else { return Err("no buttons".to_owned()) };
    let extracted = Message::decode(hex(case.expected["extracted"].as_str().unwrap()).as_slice()).unwrap();
    match buttons.header {
        Some(header) => same("header", &*header, &read(&extracted).content),
        None => same("text", &Some(buttons.body), &extracted.conversation),
    }
}

fn poll(case: &Case) -> Result<(), String> {
    let message = Message::decode(case.bytes("message").as_slice()).unwrap();
    let Content::Poll(poll) = read(&message).content else { return Err("no poll".to_owned()) };
    let mut votes = Vec::new();
    for update in case.input["updates"].as_array().unwrap() {
        let voter =
            if update["key"]["fromMe"] == true { &case.input["me"] } else { &update["key"]["participant"] };
        let selected = update["selected"].as_array().unwrap().iter();
        let hashes = selected.map(|hash| Blob::from(hex(hash.as_str().unwrap()))).collect();
        let vote = PollVote { hashes, ..PollVote::default() };
        tally::cast(&mut votes, voter.as_str().unwrap(), vote);
    }
    let result = tally::poll_result(&poll, &votes);
    let result = result.iter().map(|votes| json!({"name": votes.option, "voters": votes.voters})).collect();
    same("result", &Value::Array(result), &case.expected["result"])
}

fn receipts(case: &Case) -> Result<(), String> {
    let mut list = Vec::new();
    for receipt in case.input["receipts"].as_array().unwrap() {
        let of = |name: &str| receipt[name].as_u64();
        let (received, read) = (of("receiptTimestamp"), of("readTimestamp"));
        let who = receipt["userJid"].as_str().unwrap();
        tally::receive(&mut list, who, Receipt { received, read, played: of("playedTimestamp") });
    }
    let result = list.iter().map(|(who, receipt)| {
        let mut entry = json!({"userJid": who});
        for (name, time) in [("receiptTimestamp", receipt.received), ("readTimestamp", receipt.read)] {
            if let Some(time) = time {
                entry[name] = time.into();
            }
        }
        entry
    });
    same("result", &Value::Array(result.collect()), &case.expected["result"])
}

fn reactions(case: &Case) -> Result<(), String> {
    let mut list = Vec::new();
    for reaction in case.input["reactions"].as_array().unwrap() {
        let who = reaction["key"]["participant"].as_str().unwrap();
        tally::react(&mut list, who, Reaction::new(Key::default(), reaction["text"].as_str().unwrap()));
    }
    let result: Vec<_> = list.iter().map(|(who, reaction)| (*who, reaction.emoji.as_str())).collect();
    let expected = case.expected["result"].as_array().unwrap().iter();
    let expected: Vec<_> = expected
        .map(|entry| (entry["key"]["participant"].as_str().unwrap(), entry["text"].as_str().unwrap()))
        .collect();
    same("result", &result, &expected)
}

fn read_keys(case: &Case) -> Result<(), String> {
    let keys: Vec<_> = case.input["keys"].as_array().unwrap().iter().map(key).collect();
    let result = tally::by_sender(&keys).into_iter().map(|group| {
        let mut entry = json!({"jid": group.chat.to_string(), "messageIds": group.ids});
        if let Some(sender) = group.sender {
            entry["participant"] = sender.to_string().into();
        }
        entry
    });
    same("result", &Value::Array(result.collect()), &case.expected["result"])
}

fn turned(case: &Case) -> Result<(), String> {
    let message = &case.input["web_message"];
    let outer = key(&message["key"]);
    let chat = outer.chat.clone().unwrap();
    let sender = outer.sender.clone().unwrap_or_else(|| chat.clone());
    let (me, lid) = (jid(case.text("me")), jid(case.text("me_lid")));
    let about = key(&message["message"]["reactionMessage"]["key"]);
    let turned = about.turned(&chat, &sender, &[&me, &lid]);
    let expected = &case.expected["result"]["message"]["reactionMessage"]["key"];
    same("sender", &turned.sender, &owned(&expected["participant"]))?;
    same("key", &turned, &key(expected))
}

#[test]
fn votes_for_options_of_one_name_are_one_and_the_later_vote_counts() {
    let poll = Poll { options: vec!["a".into(), "a".into(), "b".into()], ..Poll::default() };
    let vote = |option: &str, sent_ms| PollVote {
        options: vec![option.to_owned()],
        sent_ms: Some(sent_ms),
        ..PollVote::default()
    };
    let mut votes = Vec::new();
    tally::cast(&mut votes, 1, vote("b", 20));
    tally::cast(&mut votes, 1, vote("a", 10));
    tally::cast(&mut votes, 2, vote("a", 30));
    let result = tally::poll_result(&poll, &votes);
    let result: Vec<_> =
        result.iter().map(|votes| (votes.option.as_str(), votes.voters.as_slice())).collect();
    assert_eq!(result, [("a", &[2][..]), ("b", &[1][..])]);
}
