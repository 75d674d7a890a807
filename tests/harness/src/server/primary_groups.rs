//! The phone as a member of groups. Reference 05 §5, 07 §3-4.

use sanswire::signal::{DecryptError, GroupError};
use sanswire::wire::{Jid, Node, participant_hash};

use super::directory::AccountId;
use super::primary::RETRIES_ANSWERED;
use super::{DeviceRef, Server};
use crate::phone::{Heard, Incoming};

impl Server {
    /// The phone of `account` writes a text to a group; gives the message id.
    pub(crate) fn phone_says_in_group(
        &mut self,
        account: AccountId,
        group: &Jid<'_>,
        text: &str,
    ) -> Option<String> {
        let record = self.groups.get(group.user())?;
        let mode = record.addressing();
        let members = record.members().collect();
        let me = DeviceRef { account, device: 0 };
        let everybody = self.devices_of(&members);
        let others: Vec<DeviceRef> = everybody.iter().filter(|device| **device != me).copied().collect();
        let now = self.now;
        let said =
            self.phones.get_mut(&account)?.say_to_group(&group.to_string(), text, &others, now).ok()?;
        let mut participants = Node::new("participants");
        for target in said.lacking {
            let Some(enc) = self.phone_seals_as(account, target, &said.distribution, None) else { continue };
            let Some(jid) = self.address(target, mode.form()) else { continue };
            participants = participants.child(Node::new("to").attr("jid", jid).child(enc));
        }
        let jids: Vec<Jid<'static>> =
            everybody.iter().filter_map(|device| self.address(*device, mode.form())).collect();
        let message = Node::new("message")
            .attr("to", group.to_owned_jid())
            .attr("id", said.id.clone())
            .attr("type", "text")
            .attr("addressing_mode", mode.as_str())
            .attr("phash", participant_hash(&jids))
            .child(participants)
            .child(Node::new("enc").attr("v", "2").attr("type", "skmsg").bytes(said.sealed));
        let accepted = self.accept_message(me, &message).ok()?;
        self.route(me, &message, accepted);
        Some(said.id)
    }

    /// Somebody left a group: the phones' keys in it are void.
    pub(crate) fn phones_rotate(&mut self, group: &str) {
        let chat = Jid::group(group.to_owned()).to_string();
        for phone in self.phones.values_mut() {
            phone.rotate(&chat);
        }
    }

    /// Reads a message of a group or a status: first what is for the phone alone, then what is for everybody.
    pub(crate) fn phone_reads_shared(&mut self, account: AccountId, from: DeviceRef, node: &Node<'_>) {
        let id = node.get("id").unwrap_or_default().into_owned();
        let chat = node.get_jid("from").map(|jid| jid.bare().to_string()).unwrap_or_default();
        let author = node.get_jid("participant").map(|jid| jid.bare().to_string());
        let name = node.get("notify").map(|name| name.into_owned());
        let incoming = Incoming {
            id: &id,
            chat: &chat,
            own: from.account == account,
            peer: false,
            t: node.get_u64("t").unwrap_or_default(),
            name: name.as_deref(),
            author: author.as_deref(),
        };
        let mut encs: Vec<&Node<'_>> = node.find_all("enc").collect();
        encs.sort_by_key(|enc| enc.get("type").as_deref() == Some("skmsg"));
        for enc in encs {
            match self.phone_opens_shared(account, from, &chat, enc) {
                Ok(None) => {}
                Ok(Some(plaintext)) => self.phone_hears_shared(account, from, node, &incoming, &plaintext),
                Err(violation) => {
                    let phone = self.phones.get(&account);
                    if let Some(rule) = violation.filter(|_| phone.is_some_and(crate::phone::Phone::is_first))
                    {
                        self.violation(Some(from), node, rule, "04 §13");
                    }
                    return self.phone_asks_again(account, node, &id);
                }
            }
        }
    }

    /// Decrypts one ciphertext. `None`: it was read before. The error says whether the sender is to blame.
    fn phone_opens_shared(
        &mut self,
        account: AccountId,
        from: DeviceRef,
        chat: &str,
        enc: &Node<'_>,
    ) -> Result<Option<Vec<u8>>, Option<String>> {
        let (kind, bytes) = (enc.get("type").unwrap_or_default(), enc.content_bytes().unwrap_or_default());
        let phone = self.phones.get_mut(&account).ok_or(None)?;
        if kind != "skmsg" {
            return match phone.open(from, &kind, &bytes) {
                Ok(plaintext) => {
                    phone.learn_sender_key(chat, from, &plaintext);
                    Ok(Some(plaintext))
                }
                Err(DecryptError::DuplicateMessage { .. }) => Ok(None),
                Err(error) => Err(Some(format!("the phone cannot decrypt this: {error}"))),
            };
        }
        match phone.open_shared(chat, from, &bytes) {
            Ok(plaintext) => Ok(Some(plaintext)),
            Err(GroupError::DuplicateMessage { .. }) => Ok(None),
            // Whoever does not know of the phone yet has not handed it their key.
            Err(GroupError::NoSenderKey | GroupError::EarlierMessage { .. }) => Err(None),
            Err(error) => Err(Some(format!("the phone cannot decrypt this: {error}"))),
        }
    }

    fn phone_hears_shared(
        &mut self,
        account: AccountId,
        from: DeviceRef,
        node: &Node<'_>,
        incoming: &Incoming<'_>,
        plaintext: &[u8],
    ) {
        let Some(phone) = self.phones.get_mut(&account) else { return };
        match phone.hear_in_group(incoming, plaintext) {
            Heard::Key | Heard::Request(_) => {}
            Heard::Garbage => self.violation(Some(from), node, "the plaintext is not a Message", "07 §3.3"),
            heard => {
                self.log.heard(DeviceRef { account, device: 0 }, from, incoming.id);
                if matches!(heard, Heard::OwnCopy) {
                    self.phone_confirms_copy(account, node);
                }
            }
        }
    }

    /// A member's device could not read what the phone wrote: pairwise, with the key for what follows.
    pub(crate) fn phone_resends_shared(&mut self, account: AccountId, asker: DeviceRef, node: &Node<'_>) {
        let id = node.get("id").unwrap_or_default().into_owned();
        let count = node.find("retry").and_then(|retry| retry.get_u64("count")).unwrap_or(1);
        let (Some(chat), Some(device)) = (node.get_jid("from"), node.get_jid("participant")) else { return };
        if count >= RETRIES_ANSWERED {
            return;
        }
        let Some(phone) = self.phones.get_mut(&account) else { return };
        let Some(mut plaintext) = phone.said(&id, false) else { return };
        // Fields of a second message that follow those of the first belong to the first.
        let Ok(key) = phone.distribution(&chat.to_string()) else { return };
        plaintext.extend_from_slice(&key);
        self.phone_meets_again(account, asker, node);
        let Some(enc) = self.phone_seals_as(account, asker, &plaintext, Some(count)) else { return };
        let me = DeviceRef { account, device: 0 };
        let message = Node::new("message")
            .attr("to", chat.to_owned_jid())
            .attr("participant", device.to_owned_jid())
            .attr("id", id)
            .attr("type", "text")
            .child(enc);
        if let Ok(accepted) = self.accept_message(me, &message) {
            self.route(me, &message, accepted);
        }
    }
}
