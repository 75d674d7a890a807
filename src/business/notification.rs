//! What a business changed about itself. Reference 08 §4.6.

use alloc::string::String;
use alloc::vec::Vec;

use crate::engine::{Stop, Turn};
use crate::event::{BusinessEvent, BusinessUpdate, Event, Subscription};
use crate::limits::NOTIFICATION_ITEMS;
use crate::messaging::{inbox, source};
use crate::stanza::parse;
use crate::wire::NodeRef;

/// `<notification type=business>`: the first child decides.
pub(crate) fn notified(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let from = parse::jid(node, "notification", "from")?.bare().into_owned();
    let Some(child) = node.first() else { return Ok(()) };
    let ids = |tag: &str| -> Vec<String> {
        let of = |item: NodeRef<'_>| {
            let inner = item.find("id").and_then(|id| id.content_text()).map(|id| id.into_owned());
            inner.or_else(|| item.get("id").map(|id| id.into_owned()))
        };
        child.find_all(tag).take(NOTIFICATION_ITEMS).filter_map(of).collect()
    };
    let update = match child.tag().as_ref() {
        "remove" => BusinessUpdate::Removed,
        "verified_name" => {
            let certificate = child.content_bytes().filter(|bytes| !bytes.is_empty());
            let inside = certificate.as_ref().and_then(|bytes| source::name_of_certificate(bytes));
            BusinessUpdate::VerifiedName {
                name: child.get("name").map(|name| name.into_owned()).or(inside),
                certificate: certificate.map(|bytes| bytes.into_owned().into()),
            }
        }
        "profile" => BusinessUpdate::Profile,
        "product_catalog" if child.find("collection").is_some() => {
            BusinessUpdate::Collections { ids: ids("collection") }
        }
        "product_catalog" => BusinessUpdate::Products { ids: ids("product") },
        "subscriptions" => BusinessUpdate::Subscriptions {
            subscriptions: child
                .find_all("subscription")
                .take(NOTIFICATION_ITEMS)
                .map(subscription)
                .collect(),
        },
        other => BusinessUpdate::Other { name: other.into() },
    };
    let event = BusinessEvent {
        from,
        jid: child.get_jid("jid").map(|jid| jid.bare().into_owned()),
        hash: child.get("hash").map(|hash| hash.into_owned()),
        update,
        timestamp: node.get_u64("t").unwrap_or_else(|| cx.now.unix.seconds()),
    };
    inbox::keep(cx, Event::Business(event));
    Ok(())
}

fn subscription(node: NodeRef<'_>) -> Subscription {
    Subscription {
        id: node.get("id").unwrap_or_default().into_owned(),
        status: node.get("status").map(|status| status.into_owned()),
        begins: node.get_u64("subscription_creation_time"),
        ends: node.get_u64("subscription_end_time"),
    }
}
