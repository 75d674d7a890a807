//! What happens in a channel while its live updates are on. Reference 08 §6.1, 13 §3.

use alloc::string::ToString;
use alloc::vec::Vec;

use prost::Message as _;
use sanswire_proto::whatsapp::Message;

use crate::content;
use crate::engine::{Stop, Turn};
use crate::event::{Event, NewsletterEvent, Post};
use crate::limits::{NOTIFICATION_ITEMS, POSTS_PER_NOTIFICATION, REACTIONS_PER_POST};
use crate::messaging::inbox;
use crate::stanza::parse;
use crate::wire::{Jid, NodeRef};

/// `<notification type=newsletter>` in all its shapes. One with none of them is shown as it is.
pub(crate) fn notified(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let newsletter = parse::jid(node, "notification", "from")?.bare().into_owned();
    let timestamp = node.get_u64("t").unwrap_or_else(|| cx.now.unix.seconds());
    let mut posts: Vec<Post> = Vec::new();
    let mut known = false;
    for child in node.nodes().take(NOTIFICATION_ITEMS) {
        known = true;
        match child.tag().as_ref() {
            "live_updates" => {
                let inner = child.find("messages").unwrap_or(child);
                posts.extend(inner.find_all("message").take(POSTS_PER_NOTIFICATION).filter_map(post));
            }
            "message" => posts.extend(post(child)),
            "reaction" => posts.extend(reaction(child)),
            "view" => posts.extend(numbered(child).map(|server_id| {
                let views = child.content_text().and_then(|text| text.trim().parse().ok());
                Post { server_id, views, ..Post::default() }
            })),
            "participant" => {
                let Some(user) = child.get_jid("jid").map(|jid| jid.bare().into_owned()) else { continue };
                let event = NewsletterEvent::Member {
                    newsletter: newsletter.clone(),
                    user,
                    by: node.get_jid("participant").map(Jid::into_owned),
                    action: child.get("action").unwrap_or_default().into_owned(),
                    role: child.get("role").map(|role| role.into_owned()),
                };
                inbox::keep(cx, Event::Newsletter(event));
            }
            "update" => {
                let settings = child.find("settings");
                let text = |tag| settings.and_then(|it| it.find(tag)).and_then(|it| it.content_text());
                let event = NewsletterEvent::Settings {
                    newsletter: newsletter.clone(),
                    name: text("name").map(|name| name.into_owned()),
                    description: text("description").map(|text| text.into_owned()),
                };
                inbox::keep(cx, Event::Newsletter(event));
            }
            _ => known = false,
        }
    }
    if !posts.is_empty() {
        inbox::keep(cx, Event::Newsletter(NewsletterEvent::Posts { newsletter, posts, timestamp }));
    } else if !known {
        cx.emit(Event::Unhandled { stanza: node.to_string() });
    }
    Ok(())
}

fn numbered(node: NodeRef<'_>) -> Option<u64> {
    node.get_u64("server_id").or_else(|| node.get_u64("message_id")).filter(|id| *id > 0)
}

/// A post without number is nobody's.
fn post(node: NodeRef<'_>) -> Option<Post> {
    let server_id = numbered(node)?;
    let plaintext = node.find("plaintext").and_then(|plain| plain.content_bytes());
    let message = plaintext.filter(|bytes| !bytes.is_empty());
    let parsed = message.as_ref().and_then(|bytes| Message::decode(&bytes[..]).ok());
    let counts = |reactions: NodeRef<'_>| {
        let all = reactions.find_all("reaction").take(REACTIONS_PER_POST);
        all.filter_map(|it| Some((it.get("code")?.into_owned(), it.get_u64("count").unwrap_or(0)))).collect()
    };
    Some(Post {
        server_id,
        id: node.get("id").map(|id| id.into_owned()),
        timestamp: node.get_u64("t"),
        reactions: node.find("reactions").map(counts),
        views: node.find("views_count").and_then(|views| views.get_u64("count")),
        content: parsed.map(|message| content::read(&message).content),
        message: message.map(|bytes| bytes.into_owned().into()),
    })
}

/// The older form: one reaction to one post.
fn reaction(node: NodeRef<'_>) -> Option<Post> {
    let code = node.find("reaction").and_then(|reaction| {
        reaction
            .get("code")
            .map(|code| code.into_owned())
            .or_else(|| Some(reaction.content_text()?.into_owned()))
    })?;
    let reactions = Some([(code, 1)].into());
    Some(Post { server_id: numbered(node)?, reactions, ..Post::default() })
}
