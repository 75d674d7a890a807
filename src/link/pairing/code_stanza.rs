//! The stanzas of link-code pairing. Reference 02 §3.2, §3.3, §3.4.

use alloc::vec::Vec;

use super::code::Finish;
use crate::crypto::PublicKey;
use crate::wire::{Jid, Node, NodeRef};

/// What the first iq of link-code pairing says.
#[derive(Clone, Copy, Debug)]
pub struct CompanionHello<'a> {
    /// Digits of the phone number that is to be linked.
    pub number: &'a str,
    /// Our ephemeral key under the code, 80 bytes.
    pub wrapped_ephemeral: &'a [u8],
    /// Our noise key.
    pub noise: &'a PublicKey,
    /// One character for the kind of client.
    pub client_type: char,
    /// `Browser (OS)`.
    pub display: &'a str,
    /// Have the phone show a notification that leads to the input of the code.
    pub notify: bool,
}

impl<'a> CompanionHello<'a> {
    /// The iq, without its id.
    #[must_use]
    pub fn build(&self) -> Node<'a> {
        let mut kind = [0; 4];
        let kind = self.client_type.encode_utf8(&mut kind).as_bytes().to_vec();
        request(
            self.number,
            "companion_hello",
            [
                Node::new("link_code_pairing_wrapped_companion_ephemeral_pub").bytes(self.wrapped_ephemeral),
                Node::new("companion_server_auth_key_pub").bytes(self.noise.as_bytes().to_vec()),
                Node::new("companion_platform_id").bytes(kind),
                Node::new("companion_platform_display").bytes(self.display.as_bytes()),
                Node::new("link_code_pairing_nonce").bytes([0].as_slice()),
            ],
            self.notify,
        )
    }
}

/// The server's reference out of the answer to the hello: opaque bytes.
#[must_use]
pub fn parse_reference(result: NodeRef<'_>) -> Option<Vec<u8>> {
    bytes_of(result.find("link_code_companion_reg")?, "link_code_pairing_ref")
}

/// The second iq, without its id. The new pairing secret must be durable before.
#[must_use]
pub fn companion_finish<'a>(
    number: &'a str,
    finish: &'a Finish,
    identity: &PublicKey,
    reference: &'a [u8],
) -> Node<'a> {
    request(
        number,
        "companion_finish",
        [
            Node::new("link_code_pairing_wrapped_key_bundle").bytes(finish.wrapped_bundle.as_slice()),
            Node::new("companion_identity_public").bytes(identity.as_bytes().to_vec()),
            Node::new("link_code_pairing_ref").bytes(reference),
        ],
        false,
    )
}

/// A `link_code_companion_reg` notification.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodeNotice {
    /// A phone has entered a code.
    PrimaryHello {
        /// The phone's ephemeral key under the code.
        wrapped: Vec<u8>,
        /// The phone's identity key.
        identity: Vec<u8>,
        /// The server's reference.
        reference: Vec<u8>,
    },
    /// The server wants a new code.
    RefreshCode {
        /// The server's reference.
        reference: Vec<u8>,
        /// Only ask for the new code when the user says so.
        manual: bool,
    },
}

impl CodeNotice {
    /// Parses the child of the notification. `None` for a stage that we do not know or that lacks a part: it
    /// is acked and otherwise ignored. Without a stage it is taken for a hello.
    #[must_use]
    pub fn parse(node: NodeRef<'_>) -> Option<Self> {
        let reference = bytes_of(node, "link_code_pairing_ref")?;
        match node.get("stage").as_deref() {
            None | Some("primary_hello") => Some(Self::PrimaryHello {
                wrapped: bytes_of(node, "link_code_pairing_wrapped_primary_ephemeral_pub")?,
                identity: bytes_of(node, "primary_identity_pub")?,
                reference,
            }),
            Some("refresh_code") => Some(Self::RefreshCode {
                reference,
                manual: node.get("force_manual_refresh").as_deref() == Some("true"),
            }),
            Some(_) => None,
        }
    }
}

fn request<'a>(
    number: &'a str,
    stage: &'a str,
    children: impl IntoIterator<Item = Node<'a>>,
    notify: bool,
) -> Node<'a> {
    let body = Node::new("link_code_companion_reg")
        .attr("jid", Jid::pn(number, 0))
        .attr("stage", stage)
        .attr_opt("should_show_push_notification", notify.then_some("true"))
        .children(children);
    Node::new("iq").attr("xmlns", "md").attr("type", "set").attr("to", Jid::SERVER).child(body)
}

fn bytes_of(node: NodeRef<'_>, tag: &str) -> Option<Vec<u8>> {
    Some(node.find(tag)?.content_bytes()?.into_owned())
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn notice(stage: Option<&'static str>) -> Node<'static> {
        Node::new("link_code_companion_reg")
            .attr_opt("stage", stage)
            .child(Node::new("link_code_pairing_wrapped_primary_ephemeral_pub").bytes([1].as_slice()))
            .child(Node::new("primary_identity_pub").bytes([2].as_slice()))
            .child(Node::new("link_code_pairing_ref").bytes([3].as_slice()))
    }

    #[test]
    fn stages_are_told_apart() {
        let hello = CodeNotice::PrimaryHello { wrapped: vec![1], identity: vec![2], reference: vec![3] };
        assert_eq!(CodeNotice::parse(notice(Some("primary_hello")).view()), Some(hello.clone()));
        assert_eq!(CodeNotice::parse(notice(None).view()), Some(hello));
        assert_eq!(CodeNotice::parse(notice(Some("other")).view()), None);
        let refresh = |manual| Some(CodeNotice::RefreshCode { reference: vec![3], manual });
        let node = notice(Some("refresh_code"));
        assert_eq!(CodeNotice::parse(node.view()), refresh(false));
        assert_eq!(CodeNotice::parse(node.attr("force_manual_refresh", "true").view()), refresh(true));
    }

    #[test]
    fn the_servers_reference_is_taken_as_bytes() {
        let reference = Node::new("link_code_pairing_ref").bytes([0xff, 0].as_slice());
        let answer = Node::new("iq").child(Node::new("link_code_companion_reg").child(reference));
        assert_eq!(parse_reference(answer.view()), Some(vec![0xff, 0]));
        assert_eq!(parse_reference(Node::new("iq").view()), None);
    }
}
