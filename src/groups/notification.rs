//! `<notification type=w:gp2>`: somebody changed a group. Reference 08 §5, 11 §13.

use super::change::{self, Parsed};
use super::model::{GroupChange, GroupEvent, Member};
use super::{cache, parse};
use crate::directory::sender_keys;
use crate::engine::{Stop, Turn};
use crate::event::Event;
use crate::messaging::{inbox, shown};
use crate::stanza::{ack, parse as attrs};
use crate::wire::{NodeRef, OwnedJid};

/// Handles the notification: learns addresses, keeps the stored group up to date, makes a new sender key due when
/// somebody left, and tells each change as one kept event. All of it is durable before the ack; a second copy of a
/// notification changes nothing and is not told again.
pub(crate) fn handle(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let group = attrs::jid(node, "notification", "from")?.bare().into_owned();
    let id = attrs::text(node, "notification", "id")?.into_owned();
    let actor = actor(node);
    let changes = change::read_all(node, actor.as_ref());
    for parsed in &changes {
        cache::learn(cx, change::named(&parsed.change))?;
    }
    cache::learn(cx, actor.as_slice())?;
    let told = shown::is_marked(cx, &group, "w:gp2", &id)?;
    update(cx, &group, &changes)?;
    // Left unacked, and told on the next connection: the stored group does not mind a second time.
    if !told && !inbox::has_room(cx) {
        return Ok(());
    }
    ack(cx, node);
    if told {
        return Ok(());
    }
    shown::mark_stanza(cx, &group, "w:gp2", &id);
    for parsed in changes {
        let event = GroupEvent {
            group: group.clone(),
            id: id.clone(),
            actor: actor.as_ref().map(|actor| actor.jid.clone()),
            actor_alt: actor.as_ref().and_then(|actor| actor.alt.clone()),
            notify: node.get("notify").filter(|name| !name.is_empty()).map(|name| parse::clipped(&name)),
            timestamp: node.get_u64("t").unwrap_or_else(|| cx.now.unix.seconds()),
            offline: node.has("offline"),
            change: parsed.change,
        };
        inbox::keep(cx, Event::Group(event));
    }
    Ok(())
}

/// Who did it.
fn actor(node: NodeRef<'_>) -> Option<Member> {
    let jid = node.get_jid("participant").filter(|jid| jid.is_pn() || jid.is_lid())?.bare().into_owned();
    let alt = match jid.is_lid() {
        true => node.get_jid("participant_pn").filter(|alt| alt.is_pn()),
        false => node.get_jid("participant_lid").filter(|alt| alt.is_lid()),
    };
    Some(Member {
        alt: alt.map(|alt| alt.bare().into_owned()),
        jid,
        role: Default::default(),
        display_name: None,
        username: node.get("participant_username").map(|name| parse::clipped(&name)),
    })
}

/// Makes the changes in what is stored.
fn update(cx: &mut Turn<'_>, group: &OwnedJid, changes: &[Parsed]) -> Result<(), Stop> {
    cx.prefetch(&[cache::record_key(group), sender_keys::shared_key(group)])?;
    let stored = cache::known(cx, group)?;
    let (mut record, mut changed) = (stored.clone(), false);
    for parsed in changes {
        if change::takes_away(&parsed.change) {
            sender_keys::retire(cx, group)?;
        }
        if let Some(whole) = &parsed.whole {
            record = Some(whole.clone());
            changed = true;
        } else if let Some(known) = &mut record {
            changed = true;
            if !change::apply(known, parsed) || loses_me(cx, &parsed.change) {
                record = None;
            }
        }
    }
    match record {
        Some(record) if changed && stored.as_ref() != Some(&record) => cache::store(cx, group, record),
        None if stored.is_some() => cache::forget(cx, group),
        _ => {}
    }
    Ok(())
}

/// Whether this account is no member any more.
fn loses_me(cx: &Turn<'_>, change: &GroupChange) -> bool {
    let (GroupChange::Removed { members: gone, .. } | GroupChange::Left { members: gone }) = change else {
        return false;
    };
    gone.iter().any(|member| cx.is_me(&member.jid) || member.alt.as_ref().is_some_and(|alt| cx.is_me(alt)))
}
