//! GraphQL that the server pushes. Reference 08 §6.2, 13 §3.

use alloc::string::{String, ToString};

use serde_json::Value;

use crate::directory::lid;
use crate::engine::{Stop, Turn};
use crate::event::{Event, Mex, NewsletterEvent};
use crate::limits::{MEX_BYTES, NOTIFICATION_ITEMS};
use crate::messaging::inbox;
use crate::wire::{Jid, NodeRef, OwnedJid};

/// What is about the account itself, which is another domain: says whether it took it.
pub(crate) type Account = fn(&mut Turn<'_>, &Value) -> bool;

/// `<notification type=mex>`: pairs of names are learnt, channels and restrictions have events of their own, anything
/// else is handed out as it is. What is no JSON, reports errors, or does not name itself says nothing.
pub(crate) fn notified(cx: &mut Turn<'_>, node: NodeRef<'_>, account: Account) -> Result<(), Stop> {
    let from = node.get_jid("from").map_or(Jid::SERVER, |from| from.bare().into_owned());
    let timestamp = node.get_u64("t").unwrap_or_else(|| cx.now.unix.seconds());
    let children = node.nodes().filter(|child| child.is("update") || child.is("mex"));
    for child in children.take(NOTIFICATION_ITEMS) {
        let Some(json) = child.content_text().filter(|text| text.len() <= MEX_BYTES) else { continue };
        let Ok(value) = serde_json::from_str::<Value>(&json) else { continue };
        if value.get("errors").and_then(Value::as_array).is_some_and(|errors| !errors.is_empty()) {
            continue;
        }
        let data = value.get("data").unwrap_or(&value);
        let named = child.get("op_name").map(|name| name.into_owned());
        let inside = || value.get("operation").and_then(Value::as_str).map(ToString::to_string);
        let Some(operation) = named.or_else(inside).filter(|name| !name.is_empty()) else { continue };
        if account(cx, data) {
            continue;
        }
        linked_profiles(cx, data)?;
        match newsletter(data) {
            Some(event) => inbox::keep(cx, Event::Newsletter(event)),
            None => {
                let json = json.into_owned();
                inbox::keep(cx, Event::Mex(Mex { operation, from: from.clone(), json, timestamp }));
            }
        }
    }
    Ok(())
}

/// The three that say what became of this account's place in a channel.
fn newsletter(data: &Value) -> Option<NewsletterEvent> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(String::from);
    let id = |value: &Value| jid(value.get("id")?.as_str()?);
    if let Some(joined) = data.get("xwa2_notify_newsletter_on_join") {
        return Some(NewsletterEvent::Joined { newsletter: id(joined)?, json: joined.to_string() });
    }
    if let Some(left) = data.get("xwa2_notify_newsletter_on_leave") {
        return Some(NewsletterEvent::Left { newsletter: id(left)?, role: text(left, "role") });
    }
    let muted = data.get("xwa2_notify_newsletter_on_mute_change")?;
    Some(NewsletterEvent::Muted { newsletter: id(muted)?, mute: text(muted, "mute").unwrap_or_default() })
}

/// A person's LID and the numbers that belong to it.
fn linked_profiles(cx: &mut Turn<'_>, data: &Value) -> Result<(), Stop> {
    let Some(linked) = data.get("xwa2_notify_linked_profiles") else { return Ok(()) };
    let Some(lid) = linked.get("jid").and_then(Value::as_str).and_then(jid) else { return Ok(()) };
    let added = linked.get("added_profiles").and_then(Value::as_array);
    for profile in added.into_iter().flatten().take(NOTIFICATION_ITEMS) {
        let text =
            profile.as_str().or_else(|| profile.get("pn")?.as_str()).or_else(|| profile.get("jid")?.as_str());
        if let Some(pn) = text.and_then(jid) {
            lid::learn(cx, &pn, &lid)?;
        }
    }
    Ok(())
}

fn jid(text: &str) -> Option<OwnedJid> {
    Jid::parse(text).ok().map(|jid| jid.bare().into_owned())
}
