//! The phone's sender keys: its own in every chat of many, and those of other members. Reference 04 §14.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use sanswire::signal::{self, GroupError, SenderKeyDistribution, SenderKeyRecord};
use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::SenderKeyDistributionMessage;

use super::keys::Drawn;
use super::{Heard, Incoming, Phone};
use crate::clock::Time;
use crate::server::DeviceRef;

/// Sender keys by chat.
#[derive(Debug, Default)]
pub(super) struct SenderKeys {
    own: BTreeMap<String, OwnKey>,
    others: BTreeMap<(String, DeviceRef), SenderKeyRecord>,
}

#[derive(Debug, Default)]
struct OwnKey {
    record: SenderKeyRecord,
    /// Devices that were handed the present key.
    known_to: BTreeSet<DeviceRef>,
}

/// A text for a group.
pub(crate) struct SaidToGroup {
    pub(crate) id: String,
    /// The `skmsg`.
    pub(crate) sealed: Vec<u8>,
    /// The message that hands out the key.
    pub(crate) distribution: Vec<u8>,
    /// Who lacks the key.
    pub(crate) lacking: Vec<DeviceRef>,
}

impl Phone {
    /// Writes a text to a group whose other devices are `devices`.
    pub(crate) fn say_to_group(
        &mut self,
        group: &str,
        text: &str,
        devices: &[DeviceRef],
        now: Time,
    ) -> Result<SaidToGroup, GroupError> {
        let id = self.fresh_message_id();
        let message = Message { conversation: Some(text.to_owned()), ..Message::default() };
        let envelope = Incoming {
            id: &id,
            chat: group,
            own: true,
            peer: false,
            t: now.seconds(),
            name: None,
            author: None,
        };
        self.remember(&envelope, group, true, &message);
        self.keep_shared(&id, &message);
        let distribution = self.distribution(group)?;
        let mut padded = message.encode_to_vec();
        signal::pad(&mut padded, self.seed.bytes::<1>()[0]);
        let own = self.sender_keys.own.entry(group.to_owned()).or_default();
        let sealed = signal::group_encrypt(&mut own.record, &padded, &mut Drawn(&mut self.seed))?;
        let lacking: Vec<DeviceRef> =
            devices.iter().filter(|device| !own.known_to.contains(device)).copied().collect();
        own.known_to.extend(&lacking);
        Ok(SaidToGroup { id, sealed, distribution, lacking })
    }

    /// The message that hands out the phone's key in a group, which is made when there is none.
    pub(crate) fn distribution(&mut self, group: &str) -> Result<Vec<u8>, GroupError> {
        let own = self.sender_keys.own.entry(group.to_owned()).or_default();
        if own.record.states().is_empty() {
            own.record.create(&mut Drawn(&mut self.seed));
        }
        let distribution = SenderKeyDistributionMessage {
            group_id: Some(group.to_owned()),
            axolotl_sender_key_distribution_message: Some(own.record.distribution()?.encode().into()),
        };
        let message =
            Message { sender_key_distribution_message: Some(distribution.into()), ..Message::default() };
        Ok(message.encode_to_vec())
    }

    /// Somebody left: the next message goes out under a new key.
    pub(crate) fn rotate(&mut self, group: &str) {
        self.sender_keys.own.remove(group);
    }

    /// Takes the key that a member handed out with a message; true if there was one.
    pub(crate) fn learn_sender_key(&mut self, group: &str, from: DeviceRef, plaintext: &[u8]) -> bool {
        let Ok(message) = Message::decode(plaintext) else { return false };
        let handed = message.sender_key_distribution_message.as_ref();
        let bytes = handed.and_then(|handed| handed.axolotl_sender_key_distribution_message.as_ref());
        let Some(key) = bytes.and_then(|bytes| SenderKeyDistribution::parse(bytes).ok()) else {
            return false;
        };
        self.sender_keys.others.entry((group.to_owned(), from)).or_default().process(&key);
        true
    }

    /// Decrypts and unpads what a member wrote to everybody.
    pub(crate) fn open_shared(
        &mut self,
        group: &str,
        from: DeviceRef,
        bytes: &[u8],
    ) -> Result<Vec<u8>, GroupError> {
        let record = self.sender_keys.others.entry((group.to_owned(), from)).or_default();
        let padded = signal::group_decrypt(record, bytes)?;
        signal::unpad(&padded).map(<[u8]>::to_vec).map_err(|_| GroupError::InvalidMessage)
    }

    /// Takes a decrypted message of a group; one that only hands out a key says nothing.
    pub(crate) fn hear_in_group(&mut self, incoming: &Incoming<'_>, plaintext: &[u8]) -> Heard {
        let Ok(mut message) = Message::decode(plaintext) else { return Heard::Garbage };
        message.sender_key_distribution_message = None;
        if message == Message::default() {
            return Heard::Key;
        }
        self.remember(incoming, incoming.chat, incoming.own, &message);
        if incoming.own { Heard::OwnCopy } else { Heard::Inbound }
    }
}
