//! The query that asks for users' devices and LIDs. Reference 05 §2.2, 14 §12.2.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use crate::stanza::StanzaError;
use crate::stanza::parse;
use crate::wire::{Jid, Node, NodeRef, OwnedJid};

/// What the server says about one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserDevices {
    /// The user as asked, without device.
    pub(crate) user: OwnedJid,
    /// The device list, or `None` when the server gave none (unknown user, an error, or an empty list).
    pub(crate) devices: Option<Vec<ListedDevice>>,
    /// The signed key-index list: `ADVSignedKeyIndexList`.
    pub(crate) key_index_list: Option<Vec<u8>>,
    /// The user's LID.
    pub(crate) lid: Option<OwnedJid>,
}

/// One `<device>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListedDevice {
    pub(crate) id: u16,
    pub(crate) key_index: Option<u32>,
    pub(crate) hosted: bool,
}

/// The iq for a list of bare users, all in the same namespace as the chat.
pub(crate) fn build_devices_query(users: &[OwnedJid], sid: String) -> Node<'static> {
    let user = |user: &OwnedJid| Node::new("user").attr("jid", user.clone());
    let query = Node::new("query").child(Node::new("devices").attr("version", "2")).child(Node::new("lid"));
    Node::new("iq").attr("to", Jid::SERVER).attr("type", "get").attr("xmlns", "usync").child(
        Node::new("usync")
            .attr("sid", sid)
            .attr("mode", "query")
            .attr("last", "true")
            .attr("index", "0")
            .attr("context", "message")
            .child(query)
            .child(Node::new("list").children(users.iter().map(user))),
    )
}

/// Reads the answer. A device whose id cannot be read is left out; so is a companion without key index when
/// the list is read for sending (`directory::devices` does that).
pub(crate) fn parse_devices(iq: NodeRef<'_>) -> Result<Vec<UserDevices>, StanzaError> {
    let list = parse::child(parse::child(iq, "iq", "usync")?, "usync", "list")?;
    list.find_all("user").map(parse_user).collect()
}

fn parse_user(node: NodeRef<'_>) -> Result<UserDevices, StanzaError> {
    let user = parse::jid(node, "user", "jid")?.bare().into_owned();
    let answer = node.find("devices").filter(|devices| devices.find("error").is_none());
    let listed = answer.and_then(|devices| devices.find("device-list"));
    let devices = listed.map(|list| parse_list(list, user.server().device_max()));
    Ok(UserDevices {
        user,
        devices: devices.filter(|devices| !devices.is_empty()),
        key_index_list: answer
            .and_then(|devices| devices.find("key-index-list"))
            .and_then(|list| list.content_bytes())
            .map(|bytes| bytes.into_owned()),
        lid: node.find("lid").and_then(|lid| lid.get_jid("val")).filter(Jid::is_lid).map(Jid::into_owned),
    })
}

/// Each device once: encrypting twice for one device would use one message key twice.
fn parse_list(list: NodeRef<'_>, max: u16) -> Vec<ListedDevice> {
    let mut seen = BTreeSet::new();
    let devices = list.find_all("device").filter_map(|device| parse_device(device, max));
    devices.filter(|device| seen.insert(device.id)).collect()
}

/// A device number over `max` has no address.
fn parse_device(node: NodeRef<'_>, max: u16) -> Option<ListedDevice> {
    Some(ListedDevice {
        id: node.get_u64("id").and_then(|id| u16::try_from(id).ok()).filter(|id| *id <= max)?,
        key_index: node.get_u64("key-index").and_then(|index| u32::try_from(index).ok()),
        hosted: node.get("is_hosted").as_deref() == Some("true"),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_answer_gives_devices_and_lid() {
        let device =
            |id: u64, index: Option<u64>| Node::new("device").attr("id", id).attr_opt("key-index", index);
        let answer =
            Node::new("iq").child(
                Node::new("usync").child(
                    Node::new("list").child(
                        Node::new("user")
                            .attr("jid", Jid::pn("15550001111", 0))
                            .child(Node::new("devices").child(
                                Node::new("device-list").child(device(0, None)).child(device(3, Some(2))),
                            ))
                            .child(Node::new("lid").attr("val", Jid::lid("100000000000001", 0))),
                    ),
                ),
            );
        let users = parse_devices(answer.view()).unwrap();
        let devices = users[0].devices.as_ref().unwrap();
        assert_eq!((devices[0].id, devices[1].id, devices[1].key_index), (0, 3, Some(2)));
        assert_eq!(users[0].lid, Some(Jid::lid("100000000000001", 0)));
    }

    #[test]
    fn devices_count_once_and_only_with_a_number_that_has_an_address() {
        let device = |id: u64| Node::new("device").attr("id", id);
        let list = Node::new("device-list").children([0, 255, 256, 0, 70_000].map(device));
        let ids: Vec<u16> = parse_list(list.view(), 255).iter().map(|device| device.id).collect();
        assert_eq!(ids, [0, 255]);
    }

    #[test]
    fn a_user_with_an_error_has_no_list() {
        let error = Node::new("devices").child(Node::new("error").attr("code", 404_u64));
        let user = Node::new("user").attr("jid", Jid::pn("15550001111", 0)).child(error);
        let answer = Node::new("iq").child(Node::new("usync").child(Node::new("list").child(user)));
        assert_eq!(parse_devices(answer.view()).unwrap()[0].devices, None);
        assert!(parse_devices(Node::new("iq").view()).is_err());
    }
}
