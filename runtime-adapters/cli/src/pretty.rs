//! Events as one readable line each.

use sanswire::content::Content;
use sanswire::event::{Envelope, Event, LinkEvent, Received, SendState};
use serde_json::Value;

/// Time (UTC) and what happened.
pub(crate) fn line(envelope: &Envelope) -> String {
    let seconds = envelope.at.seconds() % 86_400;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let again = if envelope.repeated { " (again)" } else { "" };
    clean(&format!("{hours:02}:{minutes:02}:{seconds:02}{again} {}", words(&envelope.event)))
}

fn words(event: &Event) -> String {
    match event {
        Event::Message(received) => message(received),
        Event::Undecryptable(what) => {
            format!("{}: a message that cannot be read yet ({})", what.sender, what.error)
        }
        Event::Send(progress) => format!("{} to {}: {}", progress.id, progress.chat, state(&progress.state)),
        Event::Link(event) => link(event),
        Event::Fault { error, .. } => format!("fault: {error}"),
        Event::Unhandled { stanza } => format!("not understood: {stanza}"),
        other => generic(&serde_json::to_value(other).unwrap_or_default()),
    }
}

fn message(received: &Received) -> String {
    // A number says more to people than a LID.
    let alt = received.sender_alt.as_ref().filter(|alt| alt.is_pn());
    let sender = alt.unwrap_or(&received.sender).user();
    let name = match &received.push_name {
        Some(name) => format!("{name} ({sender})"),
        None => sender.to_owned(),
    };
    let chat = if received.chat.is_group() || received.from_me {
        format!(" in {}", received.chat)
    } else {
        String::new()
    };
    format!("{name}{chat}: {} [{}]", said(&received.content), received.id)
}

/// What content says, in a few words.
fn said(content: &Content) -> String {
    match content {
        Content::Text(text) => text.body.clone(),
        Content::Reaction(reaction) if reaction.emoji.is_empty() => {
            format!("takes the reaction to {} back", reaction.to.id)
        }
        Content::Reaction(reaction) => format!("{} to {}", reaction.emoji, reaction.to.id),
        Content::Edit(edit) => format!("{} now says: {}", edit.of.id, said(&edit.content)),
        Content::Revoke(revoke) => format!("deletes {}", revoke.of.id),
        Content::Poll(poll) => format!("<poll> {}", poll.name),
        other => {
            let value = serde_json::to_value(other).unwrap_or_default();
            let (kind, fields) = outer(&value);
            let caption = fields.get("caption").or_else(|| fields.get("name")).and_then(Value::as_str);
            caption.map_or_else(|| format!("<{kind}>"), |caption| format!("<{kind}> {caption}"))
        }
    }
}

fn state(state: &SendState) -> String {
    match state {
        SendState::Queued => "queued".to_owned(),
        SendState::Written => "on its way".to_owned(),
        SendState::Acked { .. } => "the server has it".to_owned(),
        SendState::Failed { error } => format!("not sent: {error}"),
        SendState::Delivered { by, .. } => format!("delivered to {by}"),
        SendState::Read { by, .. } => format!("read by {by}"),
        other => generic(&serde_json::to_value(other).unwrap_or_default()),
    }
}

fn link(event: &LinkEvent) -> String {
    match event {
        LinkEvent::Ready => "connected".to_owned(),
        LinkEvent::OfflineDone { count } => format!("{count} stanzas had waited"),
        LinkEvent::Paired { pn, .. } => format!("paired as {pn}"),
        LinkEvent::Down { reason, retry_in_ms } => {
            let next = match retry_in_ms {
                Some(wait) => format!("again in {} s", wait.div_ceil(1000)),
                None => "for good".to_owned(),
            };
            format!("disconnected: {} ({next})", crate::failure::in_words(reason))
        }
        other => generic(&serde_json::to_value(other).unwrap_or_default()),
    }
}

/// `kind: field value, field value` for what has no words of its own.
fn generic(value: &Value) -> String {
    let (kind, fields) = outer(value);
    let mut text = kind.replace('_', " ");
    let Some(fields) = fields.as_object() else {
        return if fields.is_null() { text } else { format!("{text}: {}", plain(fields)) };
    };
    for (place, (name, value)) in fields.iter().filter(|(_, value)| !value.is_null()).enumerate() {
        text += if place == 0 { ": " } else { ", " };
        text += &format!("{} {}", name.replace('_', " "), plain(value));
    }
    text
}

/// A variant's name and what it holds.
fn outer(value: &Value) -> (&str, &Value) {
    match value {
        Value::String(name) => (name, &Value::Null),
        Value::Object(fields) => {
            fields.iter().next().map_or(("", &Value::Null), |(name, value)| (name, value))
        }
        _ => ("", &Value::Null),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Text of strangers must not write over the terminal, nor look like another line.
fn clean(text: &str) -> String {
    let shown = |character: char| match character {
        '\n' => '⏎',
        // Besides control characters those that turn the direction of writing.
        c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => '\u{fffd}',
        c => c,
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
#[expect(clippy::panic, reason = "tests")]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(event: &Value) -> String {
        let envelope = json!({ "id": 1, "repeated": false, "at": 1_700_000_000_000_u64, "event": event });
        line(&serde_json::from_value(envelope).unwrap_or_else(|error| panic!("{error}: {event}")))
    }

    fn message(content: &Value) -> String {
        shown(&json!({ "message": {
            "id": "3EB0", "chat": "15550001111@s.whatsapp.net", "sender": "15550001111:3@s.whatsapp.net",
            "sender_alt": null, "from_me": false, "timestamp": 1, "push_name": "Anna", "offline": false,
            "content": content, "message": "",
        } }))
    }

    #[test]
    fn messages_are_who_and_what() {
        let text = json!({ "text": { "body": "hello\nyou\u{1b}[2J" } });
        assert_eq!(message(&text), "22:13:20 Anna (15550001111): hello⏎you\u{fffd}[2J [3EB0]");
        let reaction = json!({ "reaction": { "to": { "id": "3EB1" }, "emoji": "👍" } });
        assert_eq!(message(&reaction), "22:13:20 Anna (15550001111): 👍 to 3EB1 [3EB0]");
        let edit = json!({ "edit": { "of": { "id": "3EB1" }, "content": { "text": { "body": "new" } } } });
        assert_eq!(message(&edit), "22:13:20 Anna (15550001111): 3EB1 now says: new [3EB0]");
        let other = json!({ "other": { "kind": "unheardOf" } });
        assert_eq!(message(&other), "22:13:20 Anna (15550001111): <other> [3EB0]");
    }

    #[test]
    fn what_happens_around_messages_has_words() {
        assert_eq!(shown(&json!({ "link": "ready" })), "22:13:20 connected");
        let down = json!({ "link": { "down": { "reason": "closed", "retry_in_ms": 1500 } } });
        assert_eq!(
            shown(&down),
            "22:13:20 disconnected: the connection closed or could not be opened (again in 2 s)"
        );
        let code = json!({ "link": { "code": { "code": "ABCD-1234", "valid_s": 180 } } });
        assert_eq!(shown(&code), "22:13:20 code: code ABCD-1234, valid s 180");
        let sent = json!({ "send": {
            "id": "3EB0", "chat": "15550001111@s.whatsapp.net", "call": null,
            "state": { "acked": { "timestamp": 1, "skipped": [] } },
        } });
        assert_eq!(shown(&sent), "22:13:20 3EB0 to 15550001111@s.whatsapp.net: the server has it");
    }
}
