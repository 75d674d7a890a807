//! The parts of a message's stanza that say what kind it is. Reference 05 §4.1 to §4.3, §13.

use alloc::string::String;
use alloc::vec::Vec;

use sanswire_proto::whatsapp::Message;

use crate::content::{Envelope, report};
use crate::engine::Turn;
use crate::signal::CiphertextKind;
use crate::wire::{Jid, Node, OwnedJid};

/// `<message id to type [edit]>`, still without content.
pub(super) fn message(id: String, to: &OwnedJid, envelope: &Envelope) -> Node<'static> {
    Node::new("message")
        .attr("id", id)
        .attr("to", to.clone())
        .attr("type", envelope.kind)
        .attr_opt("edit", envelope.edit)
}

/// `<enc v=2 type=…>` with what the message is.
pub(super) fn enc(kind: CiphertextKind, bytes: Vec<u8>, envelope: &Envelope) -> Node<'static> {
    described(bare_enc(kind.as_str(), bytes), envelope)
}

/// `<enc v=2 type=skmsg>`: the one ciphertext for all.
pub(super) fn group_enc(bytes: Vec<u8>, envelope: &Envelope) -> Node<'static> {
    described(bare_enc("skmsg", bytes), envelope)
}

/// The pairwise ciphertext that brings a sender key: who cannot read it shows nothing.
pub(super) fn key_enc(kind: CiphertextKind, bytes: Vec<u8>) -> Node<'static> {
    bare_enc(kind.as_str(), bytes).attr("decrypt-fail", "hide")
}

/// Adds `<meta>` and `<biz>`, where the kind has them.
pub(super) fn with_extras(stanza: Node<'static>, envelope: &Envelope) -> Node<'static> {
    let meta = (!envelope.meta.is_empty()).then(|| {
        let pairs = envelope.meta.iter();
        pairs.fold(Node::new("meta"), |meta, (key, value)| meta.attr(*key, value.clone()))
    });
    let business = envelope.business.as_ref().map(|business| {
        let flow = business.flow.as_ref().map(|name| Node::new("native_flow").attr("name", name.clone()));
        let kind = business.attrs.iter();
        let kind = kind.fold(Node::new(business.tag), |kind, (key, value)| kind.attr(*key, value.clone()));
        Node::new("biz").child(kind.child_opt(flow))
    });
    stanza.child_opt(meta).child_opt(business)
}

/// `<reporting>`: with it whoever gets the message can report it. Nothing for kinds without, for messages without a
/// secret, and when the configuration wants none. `sender` and `remote` are this account and the conversation as
/// addressed. Reference 05 §10.
pub(super) fn reporting(
    cx: &Turn<'_>,
    message: &Message,
    envelope: &Envelope,
    encoded: &[u8],
    sender: &Jid<'_>,
    remote: &Jid<'_>,
    id: &str,
) -> Option<Node<'static>> {
    let context = message.message_context_info.as_ref()?;
    if !(envelope.reporting && cx.config.reporting_tokens) {
        return None;
    }
    let secret = context.message_secret.as_deref()?.try_into().ok()?;
    let token = report::token(encoded, secret, id, &sender.bare(), &remote.bare())?;
    let token = Node::new("reporting_token").attr("v", "2").bytes(token.to_vec());
    Some(Node::new("reporting").child(token))
}

fn bare_enc(kind: &'static str, bytes: Vec<u8>) -> Node<'static> {
    Node::new("enc").attr("v", "2").attr("type", kind).bytes(bytes)
}

fn described(enc: Node<'static>, envelope: &Envelope) -> Node<'static> {
    enc.attr_opt("mediatype", envelope.media).attr_opt("decrypt-fail", envelope.hide.then_some("hide"))
}
