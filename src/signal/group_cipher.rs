//! Encrypting and decrypting group messages (`skmsg`) with sender keys. Reference 04 §2, §7.

use alloc::vec::Vec;

use super::Draw;
use super::error::{GroupError, WireFault};
use super::fields::{Fields, put_bytes_header, put_uint32};
use super::message::{VERSION_BYTE, fields_after_version};
use super::sender_key::{GroupMessageKeys, SenderKeyRecord};
use crate::crypto::{PublicKey, Secret, cbc};

/// A `skmsg`: one ciphertext for a whole group. Nothing in it is authentic until its signature was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderKeyMessage<'a> {
    /// Version byte and fields: what the signature covers.
    signed: &'a [u8],
    signature: &'a [u8],
    id: u32,
    iteration: u32,
    ciphertext: &'a [u8],
}

impl<'a> SenderKeyMessage<'a> {
    /// Reads `version || fields || signature`.
    ///
    /// # Errors
    /// [`GroupError::BadVersion`] or [`GroupError::Malformed`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, GroupError> {
        let body = fields_after_version(bytes)?;
        let fields_len = body.len().checked_sub(SIGNATURE_LEN).ok_or(WireFault::Truncated)?;
        let (fields, _) = body.split_at_checked(fields_len).ok_or(WireFault::Truncated)?;
        let (signed, signature) = bytes.split_at_checked(fields_len + 1).ok_or(WireFault::Truncated)?;
        let (mut id, mut iteration, mut ciphertext) = (None, None, None);
        let mut fields = Fields::new(fields);
        while let Some((number, field)) = fields.read()? {
            match number {
                1 => id = Some(field.uint32(number)?),
                2 => iteration = Some(field.uint32(number)?),
                3 => ciphertext = Some(field.bytes(number)?),
                _ => {}
            }
        }
        Ok(Self {
            signed,
            signature,
            id: id.ok_or(WireFault::Missing(1))?,
            iteration: iteration.ok_or(WireFault::Missing(2))?,
            ciphertext: ciphertext.ok_or(WireFault::Missing(3))?,
        })
    }

    /// Id of the sender key.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// Position in the sender's chain, from 0.
    #[must_use]
    pub const fn iteration(&self) -> u32 {
        self.iteration
    }

    fn verify(&self, signing_key: &PublicKey) -> Result<(), GroupError> {
        signing_key.verify(self.signed, self.signature).map_err(|_| GroupError::InvalidSignature)
    }
}

/// Encrypts an already padded plaintext with our sender key, whose chain moves on: store the record before the
/// ciphertext leaves. Draws for the signature, twice.
///
/// # Errors
/// [`GroupError::NoSenderKey`] when we have made none, [`GroupError::ChainExhausted`] when a new one is due;
/// record and `draw` are as before then.
pub fn group_encrypt(
    record: &mut SenderKeyRecord,
    plaintext: &[u8],
    draw: &mut impl Draw,
) -> Result<Vec<u8>, GroupError> {
    let own = record.own().ok_or(GroupError::NoSenderKey)?.parts();
    let signing_key = own.signing_private.as_ref().ok_or(GroupError::NoSenderKey)?;
    let edwards = own.signing_edwards.unwrap_or_else(|| signing_key.edwards_public());
    let (seed, next) = own.chain.step().ok_or(GroupError::ChainExhausted)?;
    let keys = GroupMessageKeys::derive(&seed);
    let ciphertext_len = cbc::padded_len(plaintext.len());
    let mut out = Vec::with_capacity(HEADER_LEN_MAX + ciphertext_len + SIGNATURE_LEN);
    out.push(VERSION_BYTE);
    put_uint32(&mut out, 1, own.id);
    put_uint32(&mut out, 2, own.chain.index());
    put_bytes_header(&mut out, 3, ciphertext_len);
    cbc::encrypt_append(keys.cipher.expose(), keys.iv.expose(), plaintext, &mut out);
    let mut nonce = [0; 64];
    for half in nonce.as_chunks_mut::<32>().0 {
        *half = draw.draw_32();
    }
    let nonce = Secret::new(nonce);
    out.extend_from_slice(&signing_key.sign_as(&edwards, &out, nonce.expose()));
    record.move_own(next);
    Ok(out)
}

/// Decrypts a `skmsg` with the sender key of that member which it names.
///
/// # Errors
/// Any [`GroupError`] but [`GroupError::ChainExhausted`]; the record is as before then.
pub fn group_decrypt(record: &mut SenderKeyRecord, bytes: &[u8]) -> Result<Vec<u8>, GroupError> {
    let message = SenderKeyMessage::parse(bytes)?;
    let (place, state) = record.find(message.id).ok_or(GroupError::NoSenderKey)?;
    // Before the chain moves: a stranger must not make us derive thousands of keys.
    message.verify(&state.parts().signing_public)?;
    let (seed, advance) = state.reach(message.iteration)?;
    let keys = GroupMessageKeys::derive(&seed);
    let plaintext = cbc::decrypt(keys.cipher.expose(), keys.iv.expose(), message.ciphertext)
        .map_err(|_| GroupError::InvalidMessage)?;
    record.commit(place, advance);
    Ok(plaintext)
}

const SIGNATURE_LEN: usize = 64;
/// Version byte, two varints, header of the ciphertext.
const HEADER_LEN_MAX: usize = 1 + 3 * 6;
