//! Checking the identity that the phone signed for us, and signing it in turn. Reference 02 §2.5.

use alloc::vec::Vec;

use prost::Message;
use sanswire_proto::whatsapp::{AdvDeviceIdentity, AdvSignedDeviceIdentity, AdvSignedDeviceIdentityHmac};
use thiserror::Error;

use crate::crypto::{KeyPair, PublicKey, Secret, mac};
use crate::directory::adv::Hosting;
use crate::signal::identity::HOSTED_ACCOUNT_PREFIX;

/// Why a pair-success is refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PairError {
    /// The stanza has no `<device-identity>` with bytes.
    #[error("pair-success without a device identity")]
    MissingDeviceIdentity,
    /// The stanza has no `<device>` with a phone-number JID and a LID.
    #[error("pair-success without our jid and lid")]
    MissingDevice,
    /// A layer of the device identity is not the protobuf it should be, or lacks a field.
    #[error("device identity is malformed")]
    Proto,
    /// The identity was not made with our secret: it comes from someone who has not scanned our code.
    #[error("device identity does not match the pairing secret")]
    HmacMismatch,
    /// The account's signature is missing, short or wrong, or its key is.
    #[error("account signature of the device identity does not verify")]
    SignatureMismatch,
    /// The configuration names accounts, and this is none of them.
    #[error("account is not one that this device may be linked to")]
    NotAllowed,
}

impl PairError {
    /// The name of the error's class. Reference 02 §9.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::MissingDeviceIdentity => "missing_device_identity",
            Self::MissingDevice => "missing_device",
            Self::Proto => "proto",
            Self::HmacMismatch => "hmac_mismatch",
            Self::SignatureMismatch => "signature_mismatch",
            Self::NotAllowed => "account_not_allowed",
        }
    }

    /// Code and text of the error iq that the server is answered with. Reference 02 §2.5.
    #[must_use]
    pub const fn reply(self) -> (u16, &'static str) {
        match self {
            Self::HmacMismatch => (401, "hmac-mismatch"),
            Self::SignatureMismatch => (401, "signature-mismatch"),
            Self::MissingDeviceIdentity | Self::MissingDevice | Self::Proto | Self::NotAllowed => {
                (500, "internal-error")
            }
        }
    }
}

/// A device identity that was verified and signed by us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIdentity {
    /// The account's identity key: that of device 0 of our own user.
    pub account: PublicKey,
    /// Index of this device in the phone's key-index list; an attribute of the answer.
    pub key_index: u32,
    /// Number of the account's registration, 0 if the phone gave none.
    pub raw_id: u32,
    /// When the phone signed, in seconds since 1970; 0 if it did not say.
    pub timestamp_s: u64,
    /// Whether this is a hosted device.
    pub hosting: Hosting,
    /// `ADVSignedDeviceIdentity` for the answer: without the account key.
    pub reply: Vec<u8>,
    /// `ADVSignedDeviceIdentity` to keep: with the account key, as first messages to others carry it.
    pub stored: Vec<u8>,
}

/// Checks the content of `<device-identity>` and adds our signature: steps 4 to 8 and 10 of Reference 02 §2.5.
///
/// `random` is mixed into the signature's nonce.
///
/// # Errors
/// [`PairError`]; nothing of the identity may be used then.
pub fn sign(
    container: &[u8],
    adv_secret: &Secret<32>,
    identity: &KeyPair,
    random: &[u8; 64],
) -> Result<SignedIdentity, PairError> {
    let container = AdvSignedDeviceIdentityHmac::decode(container).map_err(|_| PairError::Proto)?;
    let signed_bytes = container.details.ok_or(PairError::Proto)?;
    let prefix: &[u8] = match Hosting::of(container.account_type) {
        Hosting::EndToEnd => &[],
        Hosting::Hosted => &HOSTED_ACCOUNT_PREFIX,
    };
    let expected = mac::hmac_sha256(adv_secret.expose(), &[prefix, &signed_bytes]);
    if !mac::equal(&expected, container.hmac.as_deref().unwrap_or_default()) {
        return Err(PairError::HmacMismatch);
    }

    let mut signed = AdvSignedDeviceIdentity::decode(signed_bytes).map_err(|_| PairError::Proto)?;
    let account = PublicKey::from_raw(signed.account_signature_key.as_deref().unwrap_or_default())
        .map_err(|_| PairError::SignatureMismatch)?;
    let signature = signed.account_signature.clone().ok_or(PairError::SignatureMismatch)?;
    let details = signed.details.clone().ok_or(PairError::Proto)?;
    let inner = AdvDeviceIdentity::decode(details.clone()).map_err(|_| PairError::Proto)?;
    let key_index = inner.key_index.ok_or(PairError::Proto)?;

    // The device's own type decides: a hosted account may have companions that hold their keys themselves.
    let hosting = Hosting::of(inner.device_type);
    account
        .verify(&hosting.account_message(&details, &identity.public), &signature)
        .map_err(|_| PairError::SignatureMismatch)?;

    let message = hosting.device_message(&details, &identity.public, &account);
    signed.device_signature = Some(identity.private.sign(&message, random).to_vec().into());
    let stored = signed.encode_to_vec();
    signed.account_signature_key = None;
    Ok(SignedIdentity {
        account,
        key_index,
        raw_id: inner.raw_id.unwrap_or_default(),
        timestamp_s: inner.timestamp.unwrap_or_default(),
        hosting,
        reply: signed.encode_to_vec(),
        stored,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::directory::adv;
    use sanswire_proto::whatsapp::AdvEncryptionType;

    /// A container as a phone with account key `[7; 32]` makes it for companion `[5; 32]` and secret `[3; 32]`.
    fn container(container_type: AdvEncryptionType, device_type: AdvEncryptionType) -> Vec<u8> {
        let account = KeyPair::from_private([7; 32]);
        let companion = KeyPair::from_private([5; 32]);
        let details = AdvDeviceIdentity {
            raw_id: Some(1),
            timestamp: Some(2),
            key_index: Some(3),
            account_type: Some(container_type.into()),
            device_type: Some(device_type.into()),
        }
        .encode_to_vec();
        let message = Hosting::of(Some(device_type.into())).account_message(&details, &companion.public);
        let signed = AdvSignedDeviceIdentity {
            details: Some(details.into()),
            account_signature_key: Some(account.public.as_bytes().to_vec().into()),
            account_signature: Some(account.private.sign_deterministic(&message).to_vec().into()),
            device_signature: None,
        }
        .encode_to_vec();
        let prefix: &[u8] =
            if container_type == AdvEncryptionType::Hosted { &HOSTED_ACCOUNT_PREFIX } else { &[] };
        let hmac = mac::hmac_sha256(&[3; 32], &[prefix, &signed]);
        AdvSignedDeviceIdentityHmac {
            details: Some(signed.into()),
            hmac: Some(hmac.to_vec().into()),
            account_type: Some(container_type.into()),
        }
        .encode_to_vec()
    }

    #[test]
    fn what_we_sign_verifies_for_others_in_every_form() {
        use AdvEncryptionType::{E2ee, Hosted};
        let companion = KeyPair::from_private([5; 32]);
        for (container_type, device_type) in [(E2ee, E2ee), (Hosted, Hosted), (Hosted, E2ee)] {
            let bytes = container(container_type, device_type);
            let signed = sign(&bytes, &Secret::new([3; 32]), &companion, &[9; 64]).unwrap();
            assert_eq!(signed.hosting, Hosting::of(Some(device_type.into())));
            let account = KeyPair::from_private([7; 32]).public;
            assert_eq!(adv::verify_device_identity(&signed.stored, &companion.public, None), Ok(account));
            assert_eq!(
                adv::verify_device_identity(&signed.reply, &companion.public, Some(&account)),
                Ok(account)
            );
        }
    }

    #[test]
    fn an_identity_without_key_index_is_refused() {
        let secret = Secret::new([3; 32]);
        let companion = KeyPair::from_private([5; 32]);
        let signed = AdvSignedDeviceIdentity {
            details: Some(AdvDeviceIdentity::default().encode_to_vec().into()),
            account_signature_key: Some([1; 32].to_vec().into()),
            account_signature: Some([1; 64].to_vec().into()),
            device_signature: None,
        }
        .encode_to_vec();
        let hmac = mac::hmac_sha256(secret.expose(), &[&signed]);
        let container = AdvSignedDeviceIdentityHmac {
            details: Some(signed.into()),
            hmac: Some(hmac.to_vec().into()),
            account_type: None,
        };
        let refused = sign(&container.encode_to_vec(), &secret, &companion, &[0; 64]);
        assert_eq!(refused, Err(PairError::Proto));
    }
}
