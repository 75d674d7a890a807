//! Who a device is: our own identity, and the proof that a companion belongs to its account.
//! Reference 04 §1.2, §11.

use alloc::vec::Vec;

use thiserror::Error;

use crate::crypto::{KeyPair, PublicKey};
use crate::limits::REGISTRATION_ID_MAX;

/// The long-lived key pair of a device.
pub type IdentityKeyPair = KeyPair;

/// Our side of every session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// Our identity.
    pub identity: IdentityKeyPair,
    /// Our registration id.
    pub registration_id: u32,
}

/// A registration id from random bytes: 1 to [`REGISTRATION_ID_MAX`], since peers read 0 as "unknown".
#[must_use]
pub const fn registration_id(random: [u8; 4]) -> u32 {
    u32::from_le_bytes(random) % REGISTRATION_ID_MAX + 1
}

/// Why a device identity was refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityError {
    /// The account's signature does not cover this device.
    #[error("account signature does not verify")]
    AccountSignature,
    /// The device's own signature does not verify.
    #[error("device signature does not verify")]
    DeviceSignature,
}

/// The parts of a signed device identity, already decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceIdentity<'a> {
    /// The encoded details, exactly as signed.
    pub details: &'a [u8],
    /// Whether the details say that the account is hosted: such accounts sign with other prefixes.
    pub hosted: bool,
    /// The account's key: the identity of its device 0.
    pub account_key: PublicKey,
    /// By the account over `06 00 || details || identity` (`06 05` when hosted), 64 bytes.
    pub account_signature: &'a [u8],
    /// By the device over `06 01 || details || identity || account key`, 64 bytes.
    pub device_signature: &'a [u8],
}

impl DeviceIdentity<'_> {
    /// Checks both signatures for the device whose identity is `identity`. That `account_key` is the
    /// account's known key, and that its key index is current, is for the caller to check.
    ///
    /// # Errors
    /// [`IdentityError`], by the signature that is wrong.
    pub fn verify(&self, identity: &PublicKey) -> Result<(), IdentityError> {
        self.verify_account(identity)?;
        let verifies = |prefix| {
            let message = device_signature_message(prefix, self.details, identity, &self.account_key);
            identity.verify(&message, self.device_signature).is_ok()
        };
        if verifies(DEVICE_PREFIX) || self.hosted && verifies(HOSTED_DEVICE_PREFIX) {
            Ok(())
        } else {
            Err(IdentityError::DeviceSignature)
        }
    }

    /// Checks the account's signature only: all that there is while pairing, before the device has signed.
    ///
    /// # Errors
    /// [`IdentityError::AccountSignature`].
    pub fn verify_account(&self, identity: &PublicKey) -> Result<(), IdentityError> {
        let message = account_signature_message(self.hosted, self.details, identity);
        self.account_key.verify(&message, self.account_signature).map_err(|_| IdentityError::AccountSignature)
    }
}

/// What an account signs to take a device in.
#[must_use]
pub fn account_signature_message(hosted: bool, details: &[u8], identity: &PublicKey) -> Vec<u8> {
    let prefix = if hosted { HOSTED_ACCOUNT_PREFIX } else { ACCOUNT_PREFIX };
    [&prefix[..], details, identity.as_bytes()].concat()
}

/// What a device signs to confirm its account: `prefix` is [`DEVICE_PREFIX`], also for hosted accounts.
#[must_use]
pub fn device_signature_message(
    prefix: [u8; 2],
    details: &[u8],
    identity: &PublicKey,
    account_key: &PublicKey,
) -> Vec<u8> {
    [&prefix[..], details, identity.as_bytes(), account_key.as_bytes()].concat()
}

/// In front of what an account signs.
pub const ACCOUNT_PREFIX: [u8; 2] = [6, 0];
/// In front of what a device signs.
pub const DEVICE_PREFIX: [u8; 2] = [6, 1];
/// In front of what a hosted account signs.
pub const HOSTED_ACCOUNT_PREFIX: [u8; 2] = [6, 5];
/// In front of what some clients make the device of a hosted account sign.
pub const HOSTED_DEVICE_PREFIX: [u8; 2] = [6, 6];

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(hosted: bool, account_prefix: [u8; 2], device_prefix: [u8; 2]) -> Result<(), IdentityError> {
        let (account, device) = (KeyPair::from_private([1; 32]), KeyPair::from_private([2; 32]));
        let signed = [&account_prefix[..], b"details", device.public.as_bytes()].concat();
        let confirmed = device_signature_message(device_prefix, b"details", &device.public, &account.public);
        DeviceIdentity {
            details: b"details",
            hosted,
            account_key: account.public,
            account_signature: &account.private.sign_deterministic(&signed),
            device_signature: &device.private.sign_deterministic(&confirmed),
        }
        .verify(&device.public)
    }

    #[test]
    fn prefixes_follow_the_kind_of_account() {
        assert_eq!(verdict(false, ACCOUNT_PREFIX, DEVICE_PREFIX), Ok(()));
        assert_eq!(verdict(true, HOSTED_ACCOUNT_PREFIX, DEVICE_PREFIX), Ok(()));
        assert_eq!(verdict(true, HOSTED_ACCOUNT_PREFIX, HOSTED_DEVICE_PREFIX), Ok(()));
        let (account, device) = (Err(IdentityError::AccountSignature), Err(IdentityError::DeviceSignature));
        assert_eq!(verdict(true, ACCOUNT_PREFIX, DEVICE_PREFIX), account);
        assert_eq!(verdict(false, HOSTED_ACCOUNT_PREFIX, DEVICE_PREFIX), account);
        assert_eq!(verdict(false, ACCOUNT_PREFIX, HOSTED_DEVICE_PREFIX), device);
    }

    #[test]
    fn registration_ids_stay_in_range() {
        assert_eq!(registration_id([0; 4]), 1);
        assert_eq!(registration_id((REGISTRATION_ID_MAX - 1).to_le_bytes()), REGISTRATION_ID_MAX);
        assert_eq!(registration_id(REGISTRATION_ID_MAX.to_le_bytes()), 1);
        assert!((1..=REGISTRATION_ID_MAX).contains(&registration_id([0xff; 4])));
    }
}
