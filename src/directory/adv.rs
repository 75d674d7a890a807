//! What a phone signs about its companions: device identities, and the list of valid ones. Reference 02 §1, §7.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use bytes::Bytes;
use prost::Message;
use sanswire_proto::whatsapp::{
    AdvEncryptionType, AdvKeyIndexList, AdvSignedDeviceIdentity, AdvSignedKeyIndexList,
};
use thiserror::Error;

use crate::crypto::PublicKey;
use crate::signal::identity::{
    DEVICE_PREFIX, HOSTED_DEVICE_PREFIX, account_signature_message, device_signature_message,
};

/// The two forms of a device identity: they differ in the bytes before what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hosting {
    /// A companion that holds its keys itself.
    EndToEnd,
    /// A companion that runs in the provider's cloud.
    Hosted,
}

impl Hosting {
    /// The form that an encryption type stands for; anything but `HOSTED` is end to end.
    #[must_use]
    pub fn of(kind: Option<i32>) -> Self {
        if kind == Some(AdvEncryptionType::Hosted.into()) { Self::Hosted } else { Self::EndToEnd }
    }

    /// What the account key signs: prefix, details, the device's identity key.
    #[must_use]
    pub fn account_message(self, details: &[u8], identity: &PublicKey) -> Vec<u8> {
        account_signature_message(self == Self::Hosted, details, identity)
    }

    /// What the device's identity key signs: prefix, details, its own public key, the account key.
    #[must_use]
    pub fn device_message(self, details: &[u8], identity: &PublicKey, account: &PublicKey) -> Vec<u8> {
        let prefix = match self {
            Self::EndToEnd => DEVICE_PREFIX,
            Self::Hosted => HOSTED_DEVICE_PREFIX,
        };
        device_signature_message(prefix, details, identity, account)
    }
}

/// Why a device identity or a key-index list is not to be used.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdvError {
    /// Not the protobuf it should be, a field is missing, a key has a wrong length, or a signature does not
    /// verify: refuse the device.
    #[error("device identity is invalid")]
    Invalid,
    /// The account key is neither in the blob nor known: nothing can be said about the device.
    #[error("device identity without a known account key")]
    NoAccountKey,
}

/// Checks the `<device-identity>` that comes with the prekeys or messages of a companion device whose
/// identity key is `identity`. Reference 02 §7.1.
///
/// `known` is the stored identity key of the user's primary device; the blob's own key goes first. Gives the
/// account key under which the identity is valid.
///
/// # Errors
/// [`AdvError::Invalid`] to refuse the device, [`AdvError::NoAccountKey`] when it cannot be checked.
pub fn verify_device_identity(
    blob: &[u8],
    identity: &PublicKey,
    known: Option<&PublicKey>,
) -> Result<PublicKey, AdvError> {
    let signed = AdvSignedDeviceIdentity::decode(blob).map_err(|_| AdvError::Invalid)?;
    let (Some(details), Some(account_signature), Some(device_signature)) =
        (signed.details, signed.account_signature, signed.device_signature)
    else {
        return Err(AdvError::Invalid);
    };
    let account = match signed.account_signature_key.filter(|key| !key.is_empty()) {
        Some(key) => PublicKey::from_raw(&key).map_err(|_| AdvError::Invalid)?,
        None => *known.ok_or(AdvError::NoAccountKey)?,
    };
    let holds = |hosting: Hosting| {
        account.verify(&hosting.account_message(&details, identity), &account_signature).is_ok()
            && identity
                .verify(&hosting.device_message(&details, identity, &account), &device_signature)
                .is_ok()
    };
    if holds(Hosting::EndToEnd) || holds(Hosting::Hosted) { Ok(account) } else { Err(AdvError::Invalid) }
}

/// A phone's list of the companions that are still linked, by key index. Reference 02 §7.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyIndexList {
    /// Number of the account's registration: another one means that the account was registered anew.
    pub raw_id: u32,
    /// When the list was signed, in seconds since 1970.
    pub timestamp_s: u64,
    /// The highest index that the phone had given out when it signed.
    pub current: u32,
    /// The indexes that are linked.
    pub valid: BTreeSet<u32>,
    /// The account key that the list names, if any.
    pub account: Option<PublicKey>,
    details: Bytes,
    signature: Bytes,
}

/// How a list stands to the one that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Older than the stored one: ignore it.
    Stale,
    /// As new, or newer: it counts.
    Current,
    /// Of another registration: forget all old devices and sessions of the user, then it counts.
    Reregistered,
}

impl KeyIndexList {
    /// Decodes a signed list; the signature is checked by [`Self::verify`].
    ///
    /// # Errors
    /// [`AdvError::Invalid`] when it is not the protobuf it should be, or has no raw id or timestamp: do as
    /// if there were no list.
    pub fn decode(bytes: &[u8]) -> Result<Self, AdvError> {
        let signed = AdvSignedKeyIndexList::decode(bytes).map_err(|_| AdvError::Invalid)?;
        let details = signed.details.ok_or(AdvError::Invalid)?;
        let list = AdvKeyIndexList::decode(details.clone()).map_err(|_| AdvError::Invalid)?;
        let account = match signed.account_signature_key.filter(|key| !key.is_empty()) {
            Some(key) => Some(PublicKey::from_raw(&key).map_err(|_| AdvError::Invalid)?),
            None => None,
        };
        Ok(Self {
            raw_id: list.raw_id.ok_or(AdvError::Invalid)?,
            timestamp_s: list.timestamp.ok_or(AdvError::Invalid)?,
            current: list.current_index.unwrap_or_default(),
            valid: list.valid_indexes.into_iter().collect(),
            account,
            details,
            signature: signed.account_signature.unwrap_or_default(),
        })
    }

    /// What the account key signs: prefix and details as received.
    #[must_use]
    pub fn signed_message(&self) -> Vec<u8> {
        [&KEY_INDEX_LIST_PREFIX, self.details.as_ref()].concat()
    }

    /// Checks the signature with the list's own account key, or else with `known`, the stored identity key of
    /// the user's primary device. An own key that differs from the stored one means, like another raw id,
    /// that the account was registered anew.
    ///
    /// # Errors
    /// [`AdvError::Invalid`]: do as if there were no list. [`AdvError::NoAccountKey`]: it cannot be checked;
    /// the list came through the server's authenticated channel and may be used.
    pub fn verify(&self, known: Option<&PublicKey>) -> Result<(), AdvError> {
        let account = self.account.as_ref().or(known).ok_or(AdvError::NoAccountKey)?;
        account.verify(&self.signed_message(), &self.signature).map_err(|_| AdvError::Invalid)
    }

    /// Whether the list counts, given raw id and timestamp (seconds) of the stored one.
    #[must_use]
    pub const fn freshness(&self, stored: Option<(u32, u64)>) -> Freshness {
        match stored {
            Some((_, timestamp_s)) if self.timestamp_s < timestamp_s => Freshness::Stale,
            Some((raw_id, _)) if self.raw_id != raw_id => Freshness::Reregistered,
            _ => Freshness::Current,
        }
    }

    /// Whether a device of the user is linked: the primary always, another one by its key index, which must
    /// be in the list or newer than it.
    #[must_use]
    pub fn retains(&self, device: u16, key_index: Option<u32>) -> bool {
        device == 0 || key_index.is_some_and(|index| index > self.current || self.valid.contains(&index))
    }
}

const KEY_INDEX_LIST_PREFIX: [u8; 2] = [6, 2];

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::crypto::KeyPair;

    fn list(raw_id: Option<u32>, timestamp: Option<u64>, name_key: bool) -> Vec<u8> {
        let account = KeyPair::from_private([7; 32]);
        let list = AdvKeyIndexList {
            raw_id,
            timestamp,
            current_index: Some(4),
            valid_indexes: vec![2, 4],
            ..AdvKeyIndexList::default()
        };
        let details = list.encode_to_vec();
        let signature = account.private.sign_deterministic(&[&[6, 2], details.as_slice()].concat());
        AdvSignedKeyIndexList {
            details: Some(details.into()),
            account_signature: Some(signature.to_vec().into()),
            account_signature_key: name_key.then(|| account.public.as_bytes().to_vec().into()),
        }
        .encode_to_vec()
    }

    #[test]
    fn a_list_without_raw_id_or_time_is_none() {
        assert_eq!(KeyIndexList::decode(&list(None, Some(1), true)), Err(AdvError::Invalid));
        assert_eq!(KeyIndexList::decode(&list(Some(1), None, true)), Err(AdvError::Invalid));
        assert_eq!(KeyIndexList::decode(&[0xff]), Err(AdvError::Invalid));
    }

    #[test]
    fn a_list_is_checked_with_its_own_key_or_else_the_stored_one() {
        let other = KeyPair::from_private([8; 32]).public;
        let right = KeyPair::from_private([7; 32]).public;
        let named = KeyIndexList::decode(&list(Some(1), Some(1), true)).unwrap();
        assert_eq!((named.account, named.verify(None)), (Some(right), Ok(())));
        let unnamed = KeyIndexList::decode(&list(Some(1), Some(1), false)).unwrap();
        assert_eq!(unnamed.verify(None), Err(AdvError::NoAccountKey));
        assert_eq!(unnamed.verify(Some(&right)), Ok(()));
        assert_eq!(unnamed.verify(Some(&other)), Err(AdvError::Invalid));
    }

    #[test]
    fn old_lists_are_stale_and_new_registrations_are_noticed() {
        let list = KeyIndexList::decode(&list(Some(9), Some(100), true)).unwrap();
        assert_eq!(list.freshness(None), Freshness::Current);
        assert_eq!(list.freshness(Some((9, 100))), Freshness::Current);
        assert_eq!(list.freshness(Some((9, 101))), Freshness::Stale);
        assert_eq!(list.freshness(Some((8, 101))), Freshness::Stale);
        assert_eq!(list.freshness(Some((8, 99))), Freshness::Reregistered);
    }
}
