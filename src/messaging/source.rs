//! Chat, sender and the rest of a message's envelope. Reference 07 §2.

use alloc::string::String;

use crate::engine::Turn;
use crate::stanza::{StanzaError, parse};
use crate::wire::{Jid, NodeRef, OwnedJid};

/// Where an incoming message belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// The message's id.
    pub(super) id: String,
    /// The conversation, without device.
    pub(super) chat: OwnedJid,
    /// The device that sent it.
    pub(super) sender: OwnedJid,
    /// The sender's other address, with the same device.
    pub(super) sender_alt: Option<OwnedJid>,
    /// The recipient's other address, on copies of our own messages.
    pub(super) recipient_alt: Option<OwnedJid>,
    /// Sent by a device of this account.
    pub(super) from_me: bool,
    /// Whether the chat is a group, a list or the status: messages there carry sender keys.
    pub(super) many: bool,
    /// Protocol traffic between devices of this account.
    pub(super) peer: bool,
    /// It waited in the offline queue.
    pub(super) offline: bool,
    /// When the server took it, seconds since 1970.
    pub(super) timestamp: u64,
    /// The sender's name for itself.
    pub(super) push_name: Option<String>,
}

/// Reads the envelope; first match wins, in the order of the table in the reference.
pub(super) fn parse(cx: &Turn<'_>, node: NodeRef<'_>) -> Result<Source, StanzaError> {
    let id = parse::text(node, "message", "id")?.into_owned();
    let from = parse::jid(node, "message", "from")?.into_owned();
    let many = from.is_group() || from.is_broadcast() || from.is_status();
    let (chat, sender, from_me) = if many {
        let participant = parse::jid(node, "message", "participant")?.into_owned();
        let from_me = cx.is_me(&participant);
        (from, participant, from_me)
    } else if from.is_newsletter() {
        (from.clone(), from, false)
    } else if cx.is_me(&from) {
        let recipient = node.get_jid("recipient").map(|jid| jid.bare().into_owned());
        (recipient.unwrap_or_else(|| from.bare().into_owned()), from, true)
    } else if from.is_pn() || from.is_lid() || from.is_hosted() || from.is_bot() {
        if node.get_jid("recipient").is_some_and(|recipient| !cx.is_me(&recipient)) {
            return Err(StanzaError::Source("recipient is somebody else"));
        }
        (from.bare().into_owned(), from, false)
    } else {
        return Err(StanzaError::Source("sender is no user, group or channel"));
    };
    Ok(Source {
        sender_alt: if from_me { None } else { sender_alt(node, &sender, many) },
        recipient_alt: if from_me { recipient_alt(node, &chat) } else { None },
        peer: node.get("category").as_deref() == Some("peer"),
        offline: node.has("offline"),
        timestamp: node.get_u64("t").unwrap_or_else(|| cx.now.unix.seconds()),
        push_name: node.get("notify").filter(|name| !name.is_empty() && name != "-").map(Into::into),
        id,
        chat,
        sender,
        from_me,
        many,
    })
}

/// The other address of the sender; it usually comes without a device, which is the sender's then.
fn sender_alt(node: NodeRef<'_>, sender: &Jid<'_>, many: bool) -> Option<OwnedJid> {
    let key = match (sender.is_lid(), many) {
        (true, false) => "sender_pn",
        (false, false) => "sender_lid",
        (true, true) => "participant_pn",
        (false, true) => "participant_lid",
    };
    let alt = node.get_jid(key)?;
    let fits = if sender.is_lid() { alt.is_pn() } else { alt.is_lid() };
    fits.then(|| if alt.device() == 0 { alt.with_device(sender.device()) } else { alt }.into_owned())
}

fn recipient_alt(node: NodeRef<'_>, chat: &Jid<'_>) -> Option<OwnedJid> {
    let key = if chat.is_lid() { "peer_recipient_pn" } else { "peer_recipient_lid" };
    let alt = node.get_jid(key)?;
    let fits = if chat.is_lid() { alt.is_pn() } else { alt.is_lid() };
    fits.then(|| alt.bare().into_owned())
}
