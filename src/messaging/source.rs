//! Chat, sender and the rest of a message's envelope. Reference 07 §2.

use alloc::collections::BTreeMap;
use alloc::string::String;

use prost::Message as _;
use sanswire_proto::whatsapp::VerifiedNameCertificate;
use sanswire_proto::whatsapp::verified_name_certificate;

use crate::directory::lid;
use crate::engine::{Stop, Turn};
use crate::event::{Addressing, BotPart, Details};
use crate::limits::META_ATTRIBUTES;
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
    /// The conversation's other address, for conversations with one person.
    pub(super) chat_alt: Option<OwnedJid>,
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
    /// The rest.
    pub(super) details: Details,
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
        let recipient = node.get_jid("recipient").map(|jid| person(&jid));
        (recipient.unwrap_or_else(|| person(&from)), from, true)
    } else if from.is_bot() {
        let target = node.find("meta").and_then(|meta| meta.get_jid("target_chat_jid"));
        (target.unwrap_or_else(|| from.borrowed()).bare().into_owned(), from, false)
    } else if from.is_pn() || from.is_lid() || from.is_hosted() {
        if node.get_jid("recipient").is_some_and(|recipient| !cx.is_me(&recipient)) {
            return Err(StanzaError::Source("recipient is somebody else"));
        }
        (person(&from), from, false)
    } else {
        return Err(StanzaError::Source("sender is no user, group or channel"));
    };
    let sender_alt = if from_me { None } else { sender_alt(node, &sender, many) };
    let chat_alt = match (many, from_me) {
        (true, _) => None,
        (false, true) => recipient_alt(node, &chat),
        (false, false) => sender_alt.as_ref().filter(|_| !sender.is_bot()).map(|alt| alt.bare().into_owned()),
    };
    Ok(Source {
        sender_alt,
        chat_alt,
        peer: node.get("category").as_deref() == Some("peer"),
        offline: node.has("offline"),
        timestamp: node.get_u64("t").unwrap_or_else(|| cx.now.unix.seconds()),
        push_name: node.get("notify").filter(|name| !name.is_empty() && name != "-").map(Into::into),
        details: details(node, &sender),
        id,
        chat,
        sender,
        from_me,
        many,
    })
}

impl Source {
    /// Learns which names are of one user, before anything is decrypted: the address of the session depends on it.
    pub(super) fn learn(&self, cx: &mut Turn<'_>) -> Result<(), Stop> {
        if let Some(alt) = &self.sender_alt {
            lid::learn(cx, &self.sender, alt)?;
        }
        match &self.chat_alt {
            Some(alt) if self.from_me => lid::learn(cx, &self.chat, alt),
            _ => Ok(()),
        }
    }

    /// Fills in other names that the stanza does not give, but storage does.
    pub(super) fn complete(&mut self, cx: &mut Turn<'_>) -> Result<(), Stop> {
        if self.sender_alt.is_none()
            && let Some(alt) = lid::other_name(cx, &self.sender)?
        {
            self.sender_alt = Some(alt.with_device(self.sender.device()).into_owned());
        }
        if self.chat_alt.is_none() && !self.many {
            self.chat_alt = lid::other_name(cx, &self.chat)?;
        }
        Ok(())
    }
}

/// The user behind a device, or the conversation itself: without device, and hosted devices are of the plain user.
pub(crate) fn person(jid: &Jid<'_>) -> OwnedJid {
    jid.bare().with_server(jid.server().family()).into_owned()
}

fn details(node: NodeRef<'_>, sender: &Jid<'_>) -> Details {
    let own = |name: &str| node.get(name).filter(|value| !value.is_empty()).map(|value| value.into_owned());
    let lid = match node.get("addressing_mode").as_deref() {
        Some("lid") => true,
        Some("pn") => false,
        _ => person(sender).is_lid(),
    };
    let retries = node.find_all("enc").filter_map(|enc| enc.get_u64("count")).max().unwrap_or(0);
    let attributes = node.find("meta").into_iter().flat_map(NodeRef::attrs).take(META_ATTRIBUTES);
    let meta: BTreeMap<String, String> =
        attributes.map(|(name, value)| (name.into_owned(), value.into_text().into_owned())).collect();
    Details {
        addressing: if lid { Addressing::Lid } else { Addressing::Pn },
        peer: node.get("category").as_deref() == Some("peer"),
        edit: own("edit"),
        server_id: node.get_u64("server_id").filter(|id| *id > 0),
        verified_name: verified_name(node),
        username: own("participant_username").or_else(|| own("sender_username")),
        retries: u32::try_from(retries).unwrap_or(u32::MAX),
        meta,
        bot: node.find("bot").map(|bot| BotPart {
            step: bot.get("edit").unwrap_or_default().into_owned(),
            edits: bot.get("edit_target_id").map(|id| id.into_owned()),
            sent_ms: bot.get_u64("sender_timestamp_ms"),
        }),
        ..Details::default()
    }
}

/// The name in a business's certificate.
fn verified_name(node: NodeRef<'_>) -> Option<String> {
    let bytes = node.find("verified_name")?.content_bytes()?;
    name_of_certificate(&bytes)
}

/// The name that a certificate of a business is about.
pub(crate) fn name_of_certificate(bytes: &[u8]) -> Option<String> {
    let certificate = VerifiedNameCertificate::decode(bytes).ok()?;
    let details = verified_name_certificate::Details::decode(certificate.details?).ok()?;
    details.verified_name.filter(|name| !name.is_empty())
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
