//! The reference's cases: each stanza goes to a real client; what it tells and answers is compared.
//!
//! Ciphertexts of the cases are stubs: real senders encrypt their plaintexts. The account of the cases is renamed to
//! that of the script.

use core::time::Duration;
use std::collections::BTreeMap;

use sanswire::Table;
use sanswire::event::Event;
use sanswire::link::SetAvailable;
use sanswire::wire::{Content, Jid, Node};
use sanswire_proto::records::LidMapping;
use sanswire_sim::script::Script;
use serde_json::{Value, json};

use super::cases;
use super::sender::{Senders, broken, for_unknown_prekey, place};
use crate::vectors::{Case, hex, load};

/// Where what is done differs from what the case expects, and why.
pub(super) const DECISIONS: &[(&str, &str)] = &[
    ("peer_key_share_spoofed_from_other", "what only own devices may say is ignored and not shown (07 §5)"),
    ("decrypt_duplicate", "a delivery receipt closes it, as 07 §3.7 recommends"),
    ("bot_msmsg", "opened when the secret is known; the case has none, so 495 as expected"),
    ("peer_decrypt_fail", "asked for again as the corrected case says"),
    ("unavailable_view_once", "plain ack and a question to the phone, the second of the case's answers"),
    ("receipt_sender_own_device", "an own device's copy changes nothing for anybody: no event"),
    ("receipt_retry_unknown_message", "nothing to send again, so no keys are asked for"),
    ("call_offer_audio", "a receipt tells the caller that it rings, besides the ack (13 §5)"),
    ("call_offer_video_lid", "a receipt tells the caller that it rings, besides the ack (13 §5)"),
    ("call_offer_group", "a receipt tells the caller that it rings, besides the ack (13 §5)"),
    ("gp2_modify_number", "told as a change of the group, as the corrected case says"),
    ("gp2_created_membership_requests", "the requesters are the requested users, not the actor"),
    ("notif_server_sync", "that the collection has to be fetched is stored and told; nothing is fetched yet"),
    (
        "ack_error_463",
        "an ack for a message that was not sent says nothing; of one that was it is its failure",
    ),
    ("ack_error_479", "an ack for a message that was not sent says nothing"),
    ("missing_id", "nothing can be named, so nothing is answered"),
];

#[test]
fn cases_of_incoming_stanzas() {
    let mut shapes = BTreeMap::new();
    let mut failures = Vec::new();
    for case in renamed(load("receiving.json")) {
        let played = play(&case);
        if let Err(reason) = check(&case, &played) {
            failures.push(format!("{}: {reason}", case.name));
        }
        shapes.insert(case.name.clone(), played.events.iter().map(shape).collect::<Vec<_>>());
    }
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
    insta::assert_json_snapshot!("events", shapes);
}

#[test]
fn decisions_name_cases_that_exist() {
    let names: Vec<String> = load("receiving.json").into_iter().map(|case| case.name).collect();
    for (name, why) in DECISIONS {
        assert!(names.iter().any(|known| known == name) && !why.is_empty(), "{name}");
    }
}

/// What became of a case.
pub(super) struct Played {
    /// The events that its stanzas caused.
    pub(super) events: Vec<Event>,
    /// What was sent for them, without questions to the server.
    pub(super) sent: Vec<Node<'static>>,
    /// Plaintexts of its messages, without padding, as their senders encrypted them.
    pub(super) plaintexts: Vec<Vec<u8>>,
}

fn play(case: &Case) -> Played {
    let mut script = Script::ready(1);
    script.jump(Duration::from_secs(60_000_000));
    // What is asked because of a case is not answered.
    script.pongs = false;
    let available = case.input["online"].as_bool().unwrap_or(false);
    script.call(SetAvailable { available });
    for (pn, lid) in case.input["known_lid_map"].as_object().into_iter().flatten() {
        let lid = lid.as_str().unwrap();
        let (pn_user, lid_user) = (pn.split('@').next().unwrap(), lid.split('@').next().unwrap());
        let to = |user: &str| LidMapping { user: Some(user.to_owned()) };
        script.storage.plant(Table::Lid, pn.as_bytes(), &to(lid_user));
        script.storage.plant(Table::Lid, lid.as_bytes(), &to(pn_user));
    }
    let mut senders = Senders::new();
    let mut plaintexts = Vec::new();
    let stanzas: Vec<Node<'static>> = case.input["stanzas"].as_array().unwrap().iter().map(node).collect();
    let sealed: Vec<Node<'static>> =
        stanzas.iter().map(|stanza| seal(case, stanza, &mut script, &mut senders, &mut plaintexts)).collect();
    script.sent();
    let before = script.events.len();
    for stanza in &sealed {
        script.send(stanza);
    }
    let events = script.events[before..].iter().map(|envelope| envelope.event.clone()).collect();
    let sent = script.sent().into_iter().filter(|node| node.tag != "iq").collect();
    Played { events, sent, plaintexts }
}

/// The stanza with real ciphertexts.
fn seal(
    case: &Case,
    stanza: &Node<'static>,
    script: &mut Script,
    senders: &mut Senders,
    plaintexts: &mut Vec<Vec<u8>>,
) -> Node<'static> {
    let mut out = Node::new(stanza.tag.clone());
    for (key, value) in stanza.attrs.iter() {
        out = out.attr(key.clone(), value.clone());
    }
    if !matches!(stanza.content, Content::Nodes(_)) {
        return stanza.clone();
    }
    for child in stanza.nodes() {
        let result = (child.tag == "enc")
            .then(|| child.content_bytes())
            .flatten()
            .and_then(|bytes| case.input["enc_results"].get(crate::vectors::to_hex(&bytes)));
        let (Some(result), Some((chat, from))) = (result, place(stanza)) else {
            out = out.child(child.clone());
            continue;
        };
        let enc = match (result["plaintext"].as_str().map(hex), result["error"].as_str()) {
            (Some(padded), _) => {
                let pad = padded.last().map_or(0, |pad| usize::from(*pad));
                plaintexts.push(padded[..padded.len().saturating_sub(pad)].to_vec());
                match child.get("type").as_deref() {
                    Some("skmsg") => senders.of_group(script, &chat, &from, &padded),
                    _ => senders.pairwise(script, &chat, &from, &padded),
                }
            }
            (None, Some("duplicate")) => {
                let enc = senders.pairwise(script, &chat, &from, &[0x0a, 1, b'x', 1]);
                senders.prepare(script, &chat, &from, enc.clone());
                enc
            }
            (None, Some("invalid_prekey_id")) => {
                for_unknown_prekey(&senders.pairwise(script, &chat, &from, &[0x0a, 1, b'x', 1]))
            }
            (None, Some("bad_mac")) => {
                senders.hello(script, &chat, &from);
                broken("bad_mac")
            }
            (None, error) => broken(error.unwrap()),
        };
        let count = child.get("count").map(|count| count.into_owned());
        out = out.child(enc.attr_opt("count", count));
    }
    out
}

fn check(case: &Case, played: &Played) -> Result<(), String> {
    replies(case, played)?;
    cases::facts(case, played)
}

fn replies(case: &Case, played: &Played) -> Result<(), String> {
    let alternatives = case.expected["reply_alternatives"].as_array().cloned().unwrap_or_default();
    let expected = case.expected.get("reply").cloned().unwrap_or_else(|| json!([]));
    let actual: Vec<&Node<'_>> = played.sent.iter().filter(|node| !tells_that_it_rings(node)).collect();
    if case.name == "decrypt_duplicate" {
        let delivered = actual.len() == 1 && actual[0].tag == "receipt";
        return if delivered { Ok(()) } else { Err(format!("not one receipt: {actual:?}")) };
    }
    let allowed: Vec<String> = case.expected["reply_error_any_of"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|code| code.as_str().unwrap().to_owned())
        .collect();
    let fits = |list: &Value| {
        let list = list.as_array().unwrap();
        list.len() == actual.len()
            && list.iter().zip(&actual).all(|(expected, actual)| same(&node(expected), actual, &allowed))
    };
    if core::iter::once(&expected).chain(&alternatives).any(fits) {
        return Ok(());
    }
    Err(format!("answers {actual:?}, expected {expected}"))
}

fn tells_that_it_rings(node: &Node<'_>) -> bool {
    node.tag == "receipt" && node.find("offer").is_some()
}

/// Equal but for our registration id, keys that go along earlier, and codes that may be others.
fn same(expected: &Node<'_>, actual: &Node<'_>, allowed: &[String]) -> bool {
    let attrs = |node: &Node<'_>| -> BTreeMap<String, String> {
        let text =
            |text: &str| if text == "s.whatsapp.net" { "@s.whatsapp.net".into() } else { text.to_owned() };
        let all = node.attrs.iter().map(|(key, value)| (key.to_string(), text(&value.to_text())));
        all.filter(|(key, _)| key != "error").collect()
    };
    let error = actual.get("error").map(|code| code.into_owned());
    let coded = match (expected.tag.as_ref(), allowed.is_empty()) {
        ("retry", _) => true,
        (_, true) => expected.get("error").map(|code| code.into_owned()) == error,
        (_, false) => expected.tag != "ack" || allowed.contains(&error.unwrap_or_else(|| "none".into())),
    };
    let children = |node: &Node<'_>| -> Vec<Node<'static>> {
        let all = node.nodes().iter().filter(|child| child.tag != "keys");
        all.map(|child| child.clone().into_owned()).collect()
    };
    let (left, right) = (children(expected), children(actual));
    expected.tag == actual.tag
        && coded
        && attrs(expected) == attrs(actual)
        && left.len() == right.len()
        && left.iter().zip(&right).all(|(left, right)| same(left, right, allowed))
}

/// A node of the file.
fn node(json: &Value) -> Node<'static> {
    let mut out = Node::new(json["tag"].as_str().unwrap().to_owned());
    for (key, value) in json["attrs"].as_object().into_iter().flatten() {
        let text = value.as_str().unwrap();
        let jid = Jid::parse(text).ok().filter(|_| text.contains('@')).map(Jid::into_owned);
        out = match jid {
            Some(jid) => out.attr(key.clone(), jid),
            None => out.attr(key.clone(), text.to_owned()),
        };
    }
    match &json["content"] {
        Value::Array(children) => out.children(children.iter().map(node)),
        Value::Object(bytes) => match (&bytes.get("hex"), &bytes.get("utf8")) {
            (Some(text), _) => out.bytes(hex(text.as_str().unwrap())),
            (_, Some(text)) => out.bytes(text.as_str().unwrap().as_bytes().to_vec()),
            _ => out,
        },
        _ => out,
    }
}

/// The account of the cases under the name that it has in scripts.
fn renamed(cases: Vec<Case>) -> Vec<Case> {
    let rename = |value: &Value| -> Value {
        let text = value.to_string();
        let text = text.replace("15550001111", "15550000001");
        serde_json::from_str(&text.replace("3135353530303031313131", "3135353530303030303031")).unwrap()
    };
    cases
        .into_iter()
        .map(|case| Case { input: rename(&case.input), expected: rename(&case.expected), ..case })
        .collect()
}

/// An event as it is shown, without what differs from run to run of the generators.
fn shape(event: &Event) -> Value {
    let mut json = serde_json::to_value(event).unwrap();
    if let Some(message) = json.get_mut("message").and_then(Value::as_object_mut) {
        message.remove("message");
    }
    json
}
