//! Reading QR codes and signing for companions. Reference 02 §2.2, §6.

use std::collections::BTreeSet;

use base64ct::{Base64, Encoding};
use prost::Message as _;
use sanswire::crypto::mac::hmac_sha256;
use sanswire_proto::whatsapp::{
    AdvDeviceIdentity, AdvEncryptionType, AdvKeyIndexList, AdvSignedDeviceIdentity,
    AdvSignedDeviceIdentityHmac, AdvSignedKeyIndexList,
};
use thiserror::Error;

use super::Phone;
use crate::clock::Time;
use crate::seed::Seed;
use crate::server::DeviceRef;

/// A companion's QR code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QrCode {
    pub(crate) reference: String,
    pub(crate) noise: [u8; 32],
    pub(crate) identity: [u8; 32],
    pub(crate) secret: [u8; 32],
}

/// What is wrong with a QR code.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum QrError {
    #[error("fewer than four fields")]
    TooFewFields,
    #[error("an empty field")]
    EmptyField,
    #[error("a field is not base64")]
    Base64,
    #[error("a key is not 32 bytes long")]
    KeyLength,
}

impl QrCode {
    /// Reads `[URL#]ref,noise,identity,secret[,type]`.
    pub(crate) fn parse(text: &str) -> Result<Self, QrError> {
        let fields: Vec<&str> = text.trim().rsplit('#').next().unwrap_or_default().split(',').collect();
        let [reference, noise, identity, secret, rest @ ..] = fields.as_slice() else {
            return Err(QrError::TooFewFields);
        };
        if [reference, noise, identity, secret].into_iter().chain(rest).any(|field| field.is_empty()) {
            return Err(QrError::EmptyField);
        }
        let (noise, identity, secret) = (key(noise)?, key(identity)?, key(secret)?);
        Ok(Self { reference: (*reference).to_owned(), noise, identity, secret })
    }
}

fn key(field: &str) -> Result<[u8; 32], QrError> {
    let bytes = Base64::decode_vec(field).map_err(|_| QrError::Base64)?;
    bytes.try_into().map_err(|_| QrError::KeyLength)
}

/// What the phone learnt of a companion by scanning, and how a test wants its answer spoiled.
pub(crate) struct Companion {
    pub(crate) identity: [u8; 32],
    pub(crate) secret: [u8; 32],
    pub(crate) bad_hmac: bool,
    pub(crate) bad_signature: bool,
}

/// What the phone made for a companion.
pub(crate) struct SignedCompanion {
    /// `ADVSignedDeviceIdentityHMAC`, for pair-success.
    pub(crate) container: Vec<u8>,
    /// The identity inside.
    pub(crate) identity: AdvSignedDeviceIdentity,
    pub(crate) key_index: u32,
}

/// The phone's list of its companions.
#[derive(Debug)]
pub(super) struct LinkedDevices {
    raw_id: u32,
    current: u32,
    valid: BTreeSet<u32>,
    /// The list as last signed, with its time in seconds.
    signed: Option<(u64, Vec<u8>)>,
    last_time: u64,
}

impl LinkedDevices {
    pub(super) fn new(seed: &mut Seed, now: Time) -> Self {
        Self {
            raw_id: seed.number() >> 1,
            current: 0,
            valid: BTreeSet::new(),
            signed: None,
            last_time: now.seconds(),
        }
    }

    pub(super) fn raw_id(&self) -> u32 {
        self.raw_id
    }

    pub(super) fn current(&self) -> u32 {
        self.current
    }

    pub(super) fn valid(&self) -> Vec<u32> {
        self.valid.iter().copied().collect()
    }
}

impl Phone {
    /// Signs a companion's identity and adds it to the key-index list. Reference 02 §6.
    pub(crate) fn sign_companion(&mut self, companion: &Companion, now: Time) -> SignedCompanion {
        self.linked.current += 1;
        let key_index = self.linked.current;
        self.linked.valid.insert(key_index);
        let e2ee = Some(AdvEncryptionType::E2ee as i32);
        let details = AdvDeviceIdentity {
            raw_id: Some(self.linked.raw_id),
            timestamp: Some(now.seconds()),
            key_index: Some(key_index),
            account_type: e2ee,
            device_type: e2ee,
        }
        .encode_to_vec();
        let message = [&[6, 0], details.as_slice(), &companion.identity].concat();
        let mut signature = self.keys.sign(&message, &mut self.seed);
        signature[0] ^= u8::from(companion.bad_signature);
        let identity = AdvSignedDeviceIdentity {
            details: Some(details.into()),
            account_signature_key: Some(self.keys.identity().to_vec().into()),
            account_signature: Some(signature.to_vec().into()),
            device_signature: None,
        };
        let signed = identity.encode_to_vec();
        let mut hmac = hmac_sha256(&companion.secret, &[&signed]);
        hmac[0] ^= u8::from(companion.bad_hmac);
        let container = AdvSignedDeviceIdentityHmac {
            details: Some(signed.into()),
            hmac: Some(hmac.to_vec().into()),
            account_type: e2ee,
        }
        .encode_to_vec();
        self.sign_list(now);
        SignedCompanion { container, identity, key_index }
    }

    /// Takes a companion off the list and drops the session with it.
    pub(crate) fn forget_companion(&mut self, at: DeviceRef, key_index: u32, now: Time) {
        self.linked.valid.remove(&key_index);
        self.keys.forget(at);
        self.sign_list(now);
    }

    /// The signed list and its time, once there was a companion.
    pub(crate) fn signed_list(&self) -> Option<(u64, &[u8])> {
        self.linked.signed.as_ref().map(|(time, bytes)| (*time, bytes.as_slice()))
    }

    /// Signs the list anew with a time later than the last one's. Reference 02 §7.2.
    fn sign_list(&mut self, now: Time) {
        let time = now.seconds().max(self.linked.last_time + 1);
        self.linked.last_time = time;
        let details = AdvKeyIndexList {
            raw_id: Some(self.linked.raw_id),
            timestamp: Some(time),
            current_index: Some(self.linked.current),
            valid_indexes: self.linked.valid(),
            account_type: Some(AdvEncryptionType::E2ee as i32),
        }
        .encode_to_vec();
        let signature = self.keys.sign(&[&[6, 2], details.as_slice()].concat(), &mut self.seed);
        let signed = AdvSignedKeyIndexList {
            details: Some(details.into()),
            account_signature: Some(signature.to_vec().into()),
            account_signature_key: Some(self.keys.identity().to_vec().into()),
        };
        self.linked.signed = Some((time, signed.encode_to_vec()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_with_and_without_address_and_type() {
        let key = Base64::encode_string(&[7; 32]);
        let bare = format!("2@ref,{key},{key},{key}");
        for text in
            [bare.clone(), format!("{bare},1"), format!("https://wa.me/settings/linked_devices#{bare},1")]
        {
            assert_eq!(
                QrCode::parse(&text).map(|code| (code.reference, code.noise)),
                Ok(("2@ref".into(), [7; 32]))
            );
        }
        for (text, error) in [
            ("a,b,c".to_owned(), QrError::TooFewFields),
            (format!("2@ref,,{key},{key}"), QrError::EmptyField),
            (format!("2@ref,?,{key},{key}"), QrError::Base64),
            (format!("2@ref,AAAA,{key},{key}"), QrError::KeyLength),
        ] {
            assert_eq!(QrCode::parse(&text), Err(error));
        }
    }
}
