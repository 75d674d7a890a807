//! The stanzas of QR pairing: the server's references, the phone's answer, our answers. Reference 02 §2.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use prost::Message;
use sanswire_proto::whatsapp::ClientPairingProps;

use super::adv_sign::{PairError, SignedIdentity};
use crate::limits::QR_REFERENCES_MAX;
use crate::wire::{Jid, Node, NodeRef, OwnedJid};

/// The references of a `<pair-device>`, in the order in which they are to be shown; what is not usable as
/// text between commas is left out.
#[must_use]
pub fn parse_references(pair_device: NodeRef<'_>) -> Vec<String> {
    pair_device
        .find_all("ref")
        .filter_map(|child| String::from_utf8(child.content_bytes()?.into_owned()).ok())
        .filter(|text| !text.is_empty() && !text.contains(','))
        .take(QR_REFERENCES_MAX)
        .collect()
}

/// A `<pair-success>`: a phone has linked this device.
#[derive(Clone, Debug, PartialEq)]
pub struct PairSuccess<'a> {
    /// Content of `<device-identity>`, to be checked by [`sign`](super::adv_sign::sign).
    pub container: Cow<'a, [u8]>,
    /// Own device under the phone number.
    pub pn: OwnedJid,
    /// Own device under the LID.
    pub lid: OwnedJid,
    /// What the phone says it is (`android`, `iphone`, `smba`, …).
    pub platform: Option<String>,
    /// Display name of a business account.
    pub business_name: Option<String>,
    /// What the account's data looks like; absent when it cannot be decoded.
    pub props: Option<ClientPairingProps>,
}

impl<'a> PairSuccess<'a> {
    /// Parses the child of the iq.
    ///
    /// # Errors
    /// [`PairError::MissingDeviceIdentity`], or [`PairError::MissingDevice`] also when a JID is not a device of
    /// a phone number and of a LID.
    pub fn parse(node: NodeRef<'a>) -> Result<Self, PairError> {
        let container = node
            .find("device-identity")
            .and_then(NodeRef::content_bytes)
            .ok_or(PairError::MissingDeviceIdentity)?;
        let device = node.find("device").ok_or(PairError::MissingDevice)?;
        let pn = device.get_jid("jid").filter(Jid::is_pn).ok_or(PairError::MissingDevice)?;
        let lid = device.get_jid("lid").filter(Jid::is_lid).ok_or(PairError::MissingDevice)?;
        let name = |tag| node.find(tag)?.get("name").map(|name: Cow<'_, str>| name.to_string());
        Ok(Self {
            container,
            pn: pn.into_owned(),
            lid: lid.into_owned(),
            platform: name("platform"),
            business_name: name("biz"),
            props: node
                .find("client-props")
                .and_then(NodeRef::content_bytes)
                .and_then(|bytes| ClientPairingProps::decode(bytes.as_ref()).ok()),
        })
    }
}

/// The answer to a `<pair-device>`.
#[must_use]
pub fn received(id: &str) -> Node<'_> {
    Node::new("iq").attr("to", Jid::SERVER).attr("type", "result").attr("id", id)
}

/// The answer to a `<pair-success>` whose identity we have signed. What is stored must be durable before.
#[must_use]
pub fn signed<'a>(id: &'a str, identity: &'a SignedIdentity) -> Node<'a> {
    let blob =
        Node::new("device-identity").attr("key-index", identity.key_index).bytes(identity.reply.as_slice());
    received(id).child(Node::new("pair-device-sign").child(blob))
}

/// The answer to a `<pair-success>` that is refused.
#[must_use]
pub fn refused(id: &str, error: PairError) -> Node<'_> {
    let (code, text) = error.reply();
    Node::new("iq")
        .attr("to", Jid::SERVER)
        .attr("type", "error")
        .attr("id", id)
        .child(Node::new("error").attr("code", code).attr("text", text))
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;

    use super::*;

    #[test]
    fn unusable_references_are_left_out_and_their_number_is_bounded() {
        let node = Node::new("pair-device")
            .child(Node::new("ref").bytes(b"2@a".as_slice()))
            .child(Node::new("ref"))
            .child(Node::new("ref").bytes(b"".as_slice()))
            .child(Node::new("ref").bytes(b"2@b,c".as_slice()))
            .child(Node::new("ref").bytes([0xff].as_slice()))
            .child(Node::new("other").bytes(b"2@d".as_slice()))
            .child(Node::new("ref").bytes(b"2@e".as_slice()));
        assert_eq!(parse_references(node.view()), vec!["2@a", "2@e"]);
        let many = (0..100).map(|n| Node::new("ref").bytes(format!("2@{n}").into_bytes()));
        let many = Node::new("pair-device").children(many);
        assert_eq!(parse_references(many.view()).len(), QR_REFERENCES_MAX);
    }

    #[test]
    fn both_addresses_of_the_new_device_are_needed() {
        let parse = |device: Node<'_>| {
            let node = Node::new("pair-success")
                .child(Node::new("device-identity").bytes([1].as_slice()))
                .child(device);
            PairSuccess::parse(node.view()).map(|_| ())
        };
        let device = Node::new("device").attr("jid", Jid::pn("15550001111", 7));
        assert_eq!(parse(device.clone()), Err(PairError::MissingDevice));
        assert_eq!(
            parse(device.clone().attr("lid", Jid::pn("15550001111", 7))),
            Err(PairError::MissingDevice)
        );
        assert_eq!(parse(device.attr("lid", Jid::lid("100000000000001", 7))), Ok(()));
    }

    #[test]
    fn undecodable_props_do_not_spoil_the_pairing() {
        let node = Node::new("pair-success")
            .child(Node::new("device-identity").bytes([1].as_slice()))
            .child(
                Node::new("device")
                    .attr("jid", Jid::pn("15550001111", 7))
                    .attr("lid", Jid::lid("100000000000001", 7)),
            )
            .child(Node::new("client-props").bytes([0xff].as_slice()));
        assert_eq!(PairSuccess::parse(node.view()).map(|success| success.props), Ok(None));
    }
}
