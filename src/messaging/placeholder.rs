//! Messages that the phone is asked to send again, because their sender did not or cannot. Reference 07 §3.8, §4.5.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use prost::Message as _;
use sanswire_proto::records::PlaceholderEntry;
use sanswire_proto::whatsapp::message::peer_data_operation_request_message::PlaceholderMessageResendRequest;
use sanswire_proto::whatsapp::message::{
    PeerDataOperationRequestMessage, PeerDataOperationRequestResponseMessage, PeerDataOperationRequestType,
    ProtocolMessage, protocol_message,
};
use sanswire_proto::whatsapp::{Message, MessageKey, WebMessageInfo};

use super::source::Source;
use super::{arrive, phone, retry_out, shown};
use crate::content;
use crate::directory::lid;
use crate::engine::{Phase, Question, Stop, Turn};
use crate::event::Details;
use crate::limits::{PLACEHOLDER_AGE_S, PLACEHOLDER_WAIT_S, PLACEHOLDERS, PLACEHOLDERS_PER_REQUEST};
use crate::now::Mono;
use crate::records::{Record, Table};
use crate::timer::Timer;
use crate::wire::{Jid, OwnedJid};

/// Whether a message is so old that the phone is not asked for it any more.
pub(super) fn is_too_old(cx: &Turn<'_>, timestamp: u64) -> bool {
    cx.now.unix.seconds().saturating_sub(timestamp) > PLACEHOLDER_AGE_S
}

/// Asks the phone for a message in so many seconds, once per message, unless it comes meanwhile. What the stanza said
/// is kept for the answer, which may not say it.
pub(super) fn want(cx: &mut Turn<'_>, source: &Source, wait_s: u64) -> Result<(), Stop> {
    let key = key(&source.chat, &source.id);
    let known = cx.memory.placeholders.contains_key(&key);
    let nobody = !cx.config.ask_phone || source.peer || source.chat.is_newsletter() || source.sender.is_bot();
    if known || nobody || is_too_old(cx, source.timestamp) || cx.memory.placeholders.len() >= PLACEHOLDERS {
        return Ok(());
    }
    let entry = PlaceholderEntry {
        id: Some(source.id.clone()),
        chat: Some(source.chat.to_string()),
        chat_alt: source.chat_alt.as_ref().map(ToString::to_string),
        sender: Some(source.sender.to_string()),
        sender_alt: source.sender_alt.as_ref().map(ToString::to_string),
        from_me: Some(source.from_me),
        timestamp: Some(source.timestamp),
        push_name: source.push_name.clone(),
        request: None,
        created_unix_s: Some(cx.now.unix.seconds()),
    };
    cx.put(&key, &entry);
    let due = cx.now.mono.after(Duration::from_secs(wait_s));
    cx.remember(move |memory| {
        memory.placeholders.insert(key, Question::Due(due));
    });
    let first = cx.memory.placeholders.values().filter_map(Question::due).min();
    wake(cx, first.map_or(due, |first| first.min(due)));
    Ok(())
}

fn wake(cx: &mut Turn<'_>, due: Mono) {
    let wait = due.since(cx.now.mono);
    cx.arm(Timer::Placeholders, wait);
}

/// The message has come another way.
pub(super) fn cancel(cx: &mut Turn<'_>, source: &Source) {
    forget(cx, key(&source.chat, &source.id));
}

/// Finds what was asked for, or was about to be, when the last client of this storage ended.
pub(crate) fn recover(cx: &mut Turn<'_>) -> Result<(), Stop> {
    let limit = u32::try_from(PLACEHOLDERS).unwrap_or(u32::MAX);
    let mut known = BTreeMap::new();
    let now = cx.now.mono;
    for (key, value) in cx.scan(Table::Placeholder, &[], limit)? {
        match PlaceholderEntry::from_record(value) {
            Ok(entry) if !is_too_old(cx, entry.timestamp()) => {
                let asked = entry.request.is_some();
                known.insert(key, if asked { Question::Asked } else { Question::Due(now) });
            }
            _ => cx.delete(Table::Placeholder, &key),
        }
    }
    cx.remember(move |memory| memory.placeholders.extend(known));
    Ok(())
}

/// A connection is ready: go on asking, and ask again what may have been lost with the last one.
pub(crate) fn resume(cx: &mut Turn<'_>) {
    let now = cx.now.mono;
    cx.remember(move |memory| {
        for question in memory.placeholders.values_mut() {
            if matches!(question, Question::Sent(_)) {
                *question = Question::Due(now);
            }
        }
    });
    if cx.memory.placeholders.values().any(|question| *question != Question::Asked) {
        cx.arm(Timer::Placeholders, Duration::from_secs(PLACEHOLDER_WAIT_S));
    }
}

/// The server has the question with this id, or refuses it: either way it is not asked again.
pub(super) fn acked(cx: &mut Turn<'_>, id: &str) -> Result<(), Stop> {
    let is_this = |question: &Question| matches!(question, Question::Sent(sent) if sent == id);
    let keys = cx.memory.placeholders.iter().filter(|(_, question)| is_this(question));
    let keys: Vec<Vec<u8>> = keys.map(|(key, _)| key.clone()).collect();
    let entries = cx.get_all::<PlaceholderEntry>(keys.iter().cloned())?;
    for (key, entry) in keys.into_iter().zip(entries) {
        if let Some(entry) = entry {
            cx.put(&key, &PlaceholderEntry { request: Some(id.to_string()), ..entry });
        }
        cx.remember(move |memory| {
            memory.placeholders.insert(key, Question::Asked);
        });
    }
    Ok(())
}

/// Asks the phone for everything that is still missing and whose time has come, so many at a time.
pub(crate) fn ask(cx: &mut Turn<'_>) -> Result<(), Stop> {
    if cx.memory.phase != Phase::Ready {
        return Ok(());
    }
    let now = cx.now.mono;
    let waiting = || cx.memory.placeholders.iter().filter_map(|(key, question)| Some((key, question.due()?)));
    let due: Vec<Vec<u8>> = waiting()
        .filter(|(_, due)| *due <= now)
        .map(|(key, _)| key.clone())
        .take(PLACEHOLDERS_PER_REQUEST)
        .collect();
    let rest = waiting().filter(|(key, _)| !due.contains(key)).map(|(_, due)| due).min();
    if let Some(rest) = rest {
        // One request after the other.
        wake(cx, rest.max(now.after(Duration::from_secs(PLACEHOLDER_WAIT_S))));
    }
    let entries = cx.get_all::<PlaceholderEntry>(due.iter().cloned())?;
    let found: Vec<_> = due.into_iter().zip(entries).filter_map(|(key, entry)| Some((key, entry?))).collect();
    if found.is_empty() {
        return Ok(());
    }
    let keys = found
        .iter()
        .map(|(_, entry)| PlaceholderMessageResendRequest { message_key: Some(message_key(entry)) });
    let request = PeerDataOperationRequestMessage {
        peer_data_operation_request_type: Some(PeerDataOperationRequestType::PlaceholderMessageResend.into()),
        placeholder_message_resend_request: keys.collect(),
        ..PeerDataOperationRequestMessage::default()
    };
    let protocol = ProtocolMessage {
        r#type: Some(protocol_message::Type::PeerDataOperationRequestMessage.into()),
        peer_data_operation_request_message: Some(request.into()),
        ..ProtocolMessage::default()
    };
    let message = Message { protocol_message: Some(protocol.into()), ..Message::default() };
    let Some(id) = phone::send(cx, &message)? else {
        cx.arm(Timer::Placeholders, Duration::from_secs(PLACEHOLDER_WAIT_S));
        return Ok(());
    };
    cx.remember(move |memory| {
        let sent = found.into_iter().map(|(key, _)| (key, Question::Sent(id.clone())));
        memory.placeholders.extend(sent);
    });
    Ok(())
}

/// The phone's answer: each message that it has becomes a message like any other. Reference 07 §4.5.
pub(super) fn answered(
    cx: &mut Turn<'_>,
    response: &PeerDataOperationRequestResponseMessage,
) -> Result<(), Stop> {
    let kind = PeerDataOperationRequestType::PlaceholderMessageResend;
    if response.peer_data_operation_request_type != Some(kind.into()) {
        return Ok(());
    }
    for result in response.peer_data_operation_result.iter().take(PLACEHOLDERS_PER_REQUEST) {
        let bytes = result.placeholder_message_resend_response.as_ref();
        let bytes = bytes.and_then(|response| response.web_message_info_bytes.clone());
        let Some(info) = bytes.and_then(|bytes| WebMessageInfo::decode(bytes).ok()) else { continue };
        let Some((source, message)) = source_of(cx, &info, response.stanza_id())? else { continue };
        forget(cx, key(&source.chat, &source.id));
        if !shown::is_shown_by_any_name(cx, &source)? {
            retry_out::forget(cx, &source)?;
            shown::mark_by_all_names(cx, &source);
            arrive::show(cx, source, &message)?;
        }
    }
    Ok(())
}

/// What was remembered about a message, with what the phone says about it.
fn source_of(
    cx: &mut Turn<'_>,
    info: &WebMessageInfo,
    request: &str,
) -> Result<Option<(Source, Message)>, Stop> {
    let (Some(key), Some(message)) = (&info.key, &info.message) else { return Ok(None) };
    let (Some(chat), Some(id)) = (key.remote_jid.as_deref().and_then(jid), &key.id) else { return Ok(None) };
    let alt = lid::other_name(cx, &chat)?;
    let names: Vec<&OwnedJid> = core::iter::once(&chat).chain(&alt).collect();
    let keys = names.iter().map(|name| self::key(name, id));
    let known = cx.get_all::<PlaceholderEntry>(keys)?.into_iter().flatten().next();
    let from_me = key.from_me();
    let me = cx.memory.me.as_ref().map(|me| me.pn.bare().into_owned());
    let said = [info.participant.as_deref(), key.participant.as_deref()].into_iter().flatten().find_map(jid);
    let many = chat.is_group() || chat.is_broadcast();
    let author = match (from_me, many) {
        (true, _) => me,
        (false, true) => said,
        (false, false) => Some(chat.clone()),
    };
    let read = |text: &Option<String>| text.as_deref().and_then(jid);
    let stored_sender = known.as_ref().and_then(|known| read(&known.sender));
    let Some(sender) = stored_sender.or(author) else { return Ok(None) };
    let known = known.unwrap_or_default();
    let sender_alt = match read(&known.sender_alt) {
        Some(alt) => Some(alt),
        None => lid::other_name(cx, &sender)?,
    };
    let source = Source {
        id: id.clone(),
        chat_alt: if many { None } else { read(&known.chat_alt).or(alt) },
        chat: read(&known.chat).unwrap_or(chat),
        sender,
        sender_alt,
        from_me,
        many,
        peer: false,
        offline: false,
        timestamp: info.message_timestamp.or(known.timestamp).unwrap_or_else(|| cx.now.unix.seconds()),
        push_name: known.push_name.or_else(|| info.push_name.clone()).filter(|name| !name.is_empty()),
        details: Details { resent: Some(request.to_string()), ..Details::default() },
    };
    let message = (**message).clone();
    Ok((!content::kind(&message).is_empty()).then_some((source, message)))
}

/// Drops entries that are too old for an answer.
pub(super) fn prune(cx: &mut Turn<'_>) -> Result<(), Stop> {
    let keys: Vec<Vec<u8>> = cx.memory.placeholders.keys().cloned().collect();
    let entries = cx.get_all::<PlaceholderEntry>(keys.iter().cloned())?;
    for (key, entry) in keys.into_iter().zip(entries) {
        if entry.is_none_or(|entry| is_too_old(cx, entry.timestamp())) {
            forget(cx, key);
        }
    }
    Ok(())
}

fn forget(cx: &mut Turn<'_>, key: Vec<u8>) {
    if cx.memory.placeholders.contains_key(&key) {
        cx.delete(Table::Placeholder, &key);
        let mut others = cx.memory.placeholders.iter().filter(|(other, _)| **other != key);
        if others.all(|(_, question)| question.due().is_none()) {
            cx.disarm(Timer::Placeholders);
        }
        cx.remember(move |memory| {
            memory.placeholders.remove(&key);
        });
    }
}

/// The message as the phone knows it: by the LID of the conversation once there is one.
fn message_key(entry: &PlaceholderEntry) -> MessageKey {
    let chat = entry.chat.as_deref().and_then(jid);
    let lid = entry.chat_alt.as_deref().and_then(jid).filter(|alt| alt.is_lid());
    let many = chat.as_ref().is_some_and(|chat| chat.is_group() || chat.is_broadcast());
    let sender = entry.sender.as_deref().and_then(jid).filter(|_| many && !entry.from_me());
    MessageKey {
        remote_jid: lid.or(chat).map(|chat| chat.to_string()),
        from_me: Some(entry.from_me()),
        id: entry.id.clone(),
        participant: sender.map(|sender| sender.normalized().to_string()),
    }
}

fn jid(text: &str) -> Option<OwnedJid> {
    Jid::parse(text).ok().map(Jid::into_owned)
}

fn key(chat: &Jid<'_>, id: &str) -> Vec<u8> {
    [chat.to_string().as_bytes(), b"\0", id.as_bytes()].concat()
}
