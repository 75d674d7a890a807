//! The phone's answer to a question for media that the server does not have any more. Reference 08 §4.7.

use super::inbox;
use crate::engine::{Stop, Turn};
use crate::event::{Event, MediaOutcome, MediaRetried};
use crate::stanza::parse;
use crate::wire::NodeRef;

/// `<notification type=mediaretry>`: without `<rmr>` it cannot be told which message it is about, and says nothing.
pub(crate) fn notified(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let id = parse::text(node, "notification", "id")?.into_owned();
    let Some(named) = node.find("rmr") else { return Ok(()) };
    let Some(chat) = named.get_jid("jid").map(|jid| jid.bare().into_owned()) else { return Ok(()) };
    let part = |tag| node.find("encrypt")?.find(tag)?.content_bytes().map(|bytes| bytes.into_owned());
    let outcome = match (node.find("error"), part("enc_p"), part("enc_iv")) {
        (None, Some(payload), Some(iv)) => MediaOutcome::Sealed { payload: payload.into(), iv: iv.into() },
        (error, ..) => MediaOutcome::Failed {
            code: error.and_then(|error| error.get_u64("code")).and_then(|code| u32::try_from(code).ok()),
        },
    };
    let event = MediaRetried {
        id,
        chat,
        sender: named.get_jid("participant").map(|jid| jid.bare().into_owned()),
        from_me: named.get("from_me").as_deref() == Some("true"),
        outcome,
        timestamp: node.get_u64("t").unwrap_or_else(|| cx.now.unix.seconds()),
    };
    inbox::keep(cx, Event::MediaRetried(event));
    Ok(())
}
