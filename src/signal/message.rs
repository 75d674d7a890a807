//! Wire forms of the two pairwise messages, `msg` and `pkmsg`. Reference 04 §2.
//!
//! Parsing borrows from the bytes as received, over which the MAC is then checked. Writing puts fields in
//! ascending order and writes zeros, since some peers check MACs over their own re-serialisation.

use alloc::vec::Vec;

use super::chain::MessageKeys;
use super::error::{DecryptError, VersionFault, WireFault};
use super::fields::{Fields, put_bytes, put_bytes_header, put_uint32, varint_len};
use crate::crypto::{HmacKey, PublicKey, Secret, cbc, mac};

/// A `msg`: one ciphertext of a running session. Nothing in it is authentic until its MAC was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalMessage<'a> {
    /// Version byte and fields: what the MAC covers.
    signed: &'a [u8],
    mac: &'a [u8],
    ratchet_key: PublicKey,
    counter: u32,
    previous_counter: u32,
    ciphertext: &'a [u8],
}

impl<'a> SignalMessage<'a> {
    /// Reads `version || fields || mac`.
    ///
    /// # Errors
    /// [`DecryptError::BadVersion`], [`DecryptError::Malformed`] or [`DecryptError::InvalidKey`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecryptError> {
        let body = fields_after_version(bytes)?;
        let fields_len = body.len().checked_sub(MAC_LEN).ok_or(WireFault::Truncated)?;
        let (fields, _) = body.split_at_checked(fields_len).ok_or(WireFault::Truncated)?;
        let (signed, mac) = bytes.split_at_checked(fields_len + 1).ok_or(WireFault::Truncated)?;
        let (mut ratchet_key, mut counter, mut previous_counter, mut ciphertext) = (None, None, None, None);
        let mut fields = Fields::new(fields);
        while let Some((number, field)) = fields.read()? {
            match number {
                1 => ratchet_key = Some(field.bytes(number)?),
                2 => counter = Some(field.uint32(number)?),
                3 => previous_counter = Some(field.uint32(number)?),
                4 => ciphertext = Some(field.bytes(number)?),
                _ => {}
            }
        }
        Ok(Self {
            signed,
            mac,
            ratchet_key: PublicKey::from_serialized(ratchet_key.ok_or(WireFault::Missing(1))?)?,
            counter: counter.ok_or(WireFault::Missing(2))?,
            previous_counter: previous_counter.unwrap_or(0),
            ciphertext: ciphertext.ok_or(WireFault::Missing(4))?,
        })
    }

    /// The sender's ratchet key.
    #[must_use]
    pub const fn ratchet_key(&self) -> &PublicKey {
        &self.ratchet_key
    }

    /// Position in the sender's chain, from 0.
    #[must_use]
    pub const fn counter(&self) -> u32 {
        self.counter
    }

    /// How long the sender's chain before this one was; informative only.
    #[must_use]
    pub const fn previous_counter(&self) -> u32 {
        self.previous_counter
    }

    /// Checks the MAC, then decrypts.
    pub(super) fn open(
        &self,
        keys: &MessageKeys,
        sender: &PublicKey,
        receiver: &PublicKey,
    ) -> Result<Vec<u8>, DecryptError> {
        let expected = authenticate(&keys.mac, sender, receiver, self.signed);
        if !mac::equal(self.mac, &expected) {
            return Err(DecryptError::BadMac);
        }
        cbc::decrypt(keys.cipher.expose(), keys.iv.expose(), self.ciphertext)
            .map_err(|_| DecryptError::InvalidMessage)
    }
}

/// A `pkmsg`: the first messages of a session, with what the receiver needs to join it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreKeyMessage<'a> {
    prekey_id: Option<u32>,
    signed_prekey_id: u32,
    base_key: PublicKey,
    identity_key: PublicKey,
    registration_id: u32,
    message: SignalMessage<'a>,
}

impl<'a> PreKeyMessage<'a> {
    /// Reads `version || fields` and the message inside.
    ///
    /// # Errors
    /// [`DecryptError::BadVersion`], [`DecryptError::Malformed`] or [`DecryptError::InvalidKey`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecryptError> {
        let mut fields = Fields::new(fields_after_version(bytes)?);
        let (mut prekey_id, mut base_key, mut identity_key, mut message) = (None, None, None, None);
        let (mut registration_id, mut signed_prekey_id) = (0, None);
        while let Some((number, field)) = fields.read()? {
            match number {
                1 => prekey_id = Some(field.uint32(number)?),
                2 => base_key = Some(field.bytes(number)?),
                3 => identity_key = Some(field.bytes(number)?),
                4 => message = Some(field.bytes(number)?),
                5 => registration_id = field.uint32(number)?,
                6 => signed_prekey_id = Some(field.uint32(number)?),
                _ => {}
            }
        }
        Ok(Self {
            prekey_id: prekey_id.filter(|id| *id != 0),
            signed_prekey_id: signed_prekey_id.ok_or(WireFault::Missing(6))?,
            base_key: PublicKey::from_serialized(base_key.ok_or(WireFault::Missing(2))?)?,
            identity_key: PublicKey::from_serialized(identity_key.ok_or(WireFault::Missing(3))?)?,
            registration_id,
            message: SignalMessage::parse(message.ok_or(WireFault::Missing(4))?)?,
        })
    }

    /// Our one-time prekey that the sender used, if any; an id of 0 reads as none.
    #[must_use]
    pub const fn prekey_id(&self) -> Option<u32> {
        self.prekey_id
    }

    /// Our signed prekey that the sender used.
    #[must_use]
    pub const fn signed_prekey_id(&self) -> u32 {
        self.signed_prekey_id
    }

    /// The key that names the session.
    #[must_use]
    pub const fn base_key(&self) -> &PublicKey {
        &self.base_key
    }

    /// The sender's identity, as it claims.
    #[must_use]
    pub const fn identity_key(&self) -> &PublicKey {
        &self.identity_key
    }

    /// The sender's registration id, as it claims; 0 when it gave none.
    #[must_use]
    pub const fn registration_id(&self) -> u32 {
        self.registration_id
    }

    /// The message inside.
    #[must_use]
    pub const fn message(&self) -> &SignalMessage<'a> {
        &self.message
    }
}

/// All of a `msg` that is about to be written.
pub(super) struct Outgoing<'a> {
    pub(super) ratchet_key: &'a PublicKey,
    pub(super) counter: u32,
    pub(super) previous_counter: u32,
    pub(super) keys: &'a MessageKeys,
    pub(super) sender: &'a PublicKey,
    pub(super) receiver: &'a PublicKey,
    pub(super) plaintext: &'a [u8],
}

/// What a `pkmsg` puts around a `msg`.
pub(super) struct Wrapping<'a> {
    pub(super) prekey_id: Option<u32>,
    pub(super) signed_prekey_id: u32,
    pub(super) base_key: &'a PublicKey,
    pub(super) registration_id: u32,
}

impl Outgoing<'_> {
    /// The bytes of a `msg`.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_len());
        self.write(&mut out);
        out
    }

    /// The bytes of a `pkmsg` around this message.
    pub(super) fn encode_wrapped(&self, wrapping: &Wrapping<'_>) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_len() + WRAPPING_LEN_MAX);
        out.push(VERSION_BYTE);
        if let Some(id) = wrapping.prekey_id {
            put_uint32(&mut out, 1, id);
        }
        put_bytes(&mut out, 2, &wrapping.base_key.serialized());
        put_bytes(&mut out, 3, &self.sender.serialized());
        put_bytes_header(&mut out, 4, self.encoded_len());
        self.write(&mut out);
        put_uint32(&mut out, 5, wrapping.registration_id);
        put_uint32(&mut out, 6, wrapping.signed_prekey_id);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.push(VERSION_BYTE);
        put_bytes(out, 1, &self.ratchet_key.serialized());
        put_uint32(out, 2, self.counter);
        put_uint32(out, 3, self.previous_counter);
        put_bytes_header(out, 4, cbc::padded_len(self.plaintext.len()));
        cbc::encrypt_append(self.keys.cipher.expose(), self.keys.iv.expose(), self.plaintext, out);
        let signed = out.get(start..).unwrap_or_default();
        let mac = authenticate(&self.keys.mac, self.sender, self.receiver, signed);
        out.extend_from_slice(&mac);
    }

    fn encoded_len(&self) -> usize {
        let ciphertext_len = cbc::padded_len(self.plaintext.len());
        let length_len = varint_len(u32::try_from(ciphertext_len).unwrap_or(u32::MAX));
        1 + KEY_FIELD_LEN
            + (1 + varint_len(self.counter))
            + (1 + varint_len(self.previous_counter))
            + (1 + length_len + ciphertext_len)
            + MAC_LEN
    }
}

/// What follows the version byte, in any of the four wire forms.
pub(super) fn fields_after_version(bytes: &[u8]) -> Result<&[u8], VersionFault> {
    let (&version, rest) = bytes.split_first().ok_or(VersionFault::Missing)?;
    // The low nibble was meant for the sender's own version: peers write anything into it.
    if version >> 4 == MESSAGE_VERSION { Ok(rest) } else { Err(VersionFault::Other(version)) }
}

fn authenticate(key: &Secret<32>, sender: &PublicKey, receiver: &PublicKey, signed: &[u8]) -> [u8; MAC_LEN] {
    const TYPE: &[u8] = &[PublicKey::TYPE];
    let full = HmacKey::new(key.expose()).sign(&[TYPE, sender.as_bytes(), TYPE, receiver.as_bytes(), signed]);
    core::array::from_fn(|i| full[i])
}

/// The protocol version of messages and sessions.
pub const MESSAGE_VERSION: u8 = 3;
/// What our messages begin with: message version and own version.
pub(super) const VERSION_BYTE: u8 = 0x33;
const MAC_LEN: usize = 8;
/// Tag, length and bytes of a serialized key.
const KEY_FIELD_LEN: usize = 2 + 33;
/// What a `pkmsg` adds to its message at most: version byte, two keys, four varints.
const WRAPPING_LEN_MAX: usize = 1 + 2 * KEY_FIELD_LEN + 4 * 6;
