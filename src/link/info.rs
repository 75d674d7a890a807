//! `<ib>`, pings from the server, and the count of the offline queue. Reference 01 §10, §12.

use alloc::string::ToString;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::directory::own;
use crate::engine::{Stop, Turn, Work};
use crate::event::{Event, LinkEvent};
use crate::limits::{OFFLINE_BATCH, ROUTING_INFO_BYTES_MAX};
use crate::timer::Timer;
use crate::wire::{Node, NodeRef};

/// Handles `<ib>`: routing, the offline queue, and a phone that is too old. Others have no meaning here.
pub(crate) fn info(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let mut unknown = false;
    for child in node.nodes() {
        match child.tag().as_ref() {
            "edge_routing" => routing(cx, child)?,
            "offline_preview" => {
                if child.get_u64("count").is_some_and(|count| count > 0) {
                    request_batch(cx);
                }
            }
            "offline" => {
                let count = child.get_u64("count").and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
                cx.emit(Event::Link(LinkEvent::OfflineDone { count }));
                if !cx.memory.offline_done {
                    offline_done(cx);
                }
            }
            "downgrade_webclient" => {
                let error = "the phone has no multi-device".to_string();
                cx.emit(Event::Link(LinkEvent::PairingFailed { error }));
            }
            // Something about groups was not told: all are asked for again when they are needed.
            "dirty" if child.get("type").as_deref() == Some("groups") => {
                cx.schedule(Work::ForgetGroups(Vec::new()));
            }
            "dirty" | "thread_metadata" | "gpia" => {}
            _ => unknown = true,
        }
    }
    if unknown {
        // Once per stanza: one event per child would make much out of little.
        cx.emit(Event::Unhandled { stanza: node.to_string() });
    }
    Ok(())
}

/// Nothing is left of the offline queue, or the server does not say so in time: sends go out from here on.
pub(super) fn offline_done(cx: &mut Turn<'_>) {
    cx.disarm(Timer::OfflineEnd);
    cx.remember(|memory| {
        memory.offline_wanted = 0;
        memory.offline_done = true;
    });
    cx.schedule(Work::Resume);
}

/// Counts a stanza of the offline queue, and asks for more when a batch has come. Reference 01 §10.
pub(crate) fn offline_stanza(cx: &mut Turn<'_>) {
    let seen = cx.memory.offline_seen.saturating_add(1);
    cx.remember(move |memory| memory.offline_seen = seen);
    if cx.memory.offline_wanted > 0 && seen >= cx.memory.offline_wanted {
        request_batch(cx);
    }
}

fn request_batch(cx: &mut Turn<'_>) {
    cx.remember(|memory| memory.offline_wanted = memory.offline_wanted.saturating_add(OFFLINE_BATCH));
    let batch = Node::new("offline_batch").attr("count", u64::from(OFFLINE_BATCH));
    cx.send(&Node::new("ib").child(batch));
}

fn routing(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let bytes = node.find("routing_info").and_then(|info| info.content_bytes());
    let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty() && bytes.len() <= ROUTING_INFO_BYTES_MAX) else {
        return Ok(());
    };
    let Some(mut credentials) = own::credentials(cx)? else { return Ok(()) };
    if credentials.routing_info.as_deref() != Some(bytes.as_ref()) {
        credentials.routing_info = Some(Bytes::copy_from_slice(&bytes));
        own::save_credentials(cx, &credentials);
    }
    Ok(())
}

/// Other iqs: pings are answered, stray answers ignored, the rest is shown to the application.
pub(crate) fn server_iq(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let kind = node.get("type");
    let is_ping = node.get("xmlns").as_deref() == Some("urn:xmpp:ping") || node.find("ping").is_some();
    match kind.as_deref() {
        Some("result" | "error") => {}
        None | Some("get") if is_ping => {
            let reply = Node::new("iq")
                .attr_opt("to", node.value("from"))
                .attr("type", "result")
                .attr_opt("id", node.get("id"));
            cx.send(&reply);
        }
        _ => cx.emit(Event::Unhandled { stanza: node.to_string() }),
    }
    Ok(())
}
