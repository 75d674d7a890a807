//! End-to-end encryption: prekey bundles, X3DH, the double ratchet and sessions between two devices; sender
//! keys within a group.
//!
//! A pure library: no record store, no clock, no generator of its own. The caller loads a
//! [`SessionRecord`] and the prekeys that a message names, calls one function, and stores what changed:
//!
//! | To | Call |
//! |---|---|
//! | start a session from a peer's bundle | [`SessionRecord::initiate`] |
//! | encrypt a (padded) message | [`encrypt`] |
//! | decrypt a `msg` | [`decrypt_message`] |
//! | decrypt a `pkmsg` | [`PreKeyMessage::parse`], load the keys that it names, [`decrypt_prekey_message`] |
//! | hand out a sender key of ours | [`SenderKeyRecord::create`], [`SenderKeyRecord::distribution`] |
//! | take a sender key of a member | [`SenderKeyDistribution::parse`], [`SenderKeyRecord::process`] |
//! | encrypt or decrypt a `skmsg` | [`group_encrypt`], [`group_decrypt`] |
//!
//! Nothing changes unless the call succeeds: candidate sessions are tried by reading only, and new ratchet
//! keys are drawn after the message's MAC was found right. Reference 04.

pub mod archive;
pub mod bundle;
pub mod chain;
pub mod cipher;
pub mod error;
mod fields;
pub mod group_cipher;
pub mod identity;
pub mod message;
pub mod padding;
pub mod prekey;
pub mod ratchet;
pub mod sender_key;
pub mod session;
pub mod x3dh;

pub use archive::SessionRecord;
pub use bundle::Bundle;
pub use cipher::{Ciphertext, CiphertextKind, Decrypted, decrypt_message, decrypt_prekey_message, encrypt};
pub use error::{DecryptError, GroupError, SignalError, WireFault};
pub use group_cipher::{SenderKeyMessage, group_decrypt, group_encrypt};
pub use identity::{DeviceIdentity, IdentityError, IdentityKeyPair, Local, registration_id};
pub use message::{PreKeyMessage, SignalMessage};
pub use padding::{PaddingError, pad, unpad};
pub use prekey::{PreKey, PreKeyPublic, SignedPreKey, SignedPreKeyPublic, bundle_digest, next_id};
pub use sender_key::{
    SenderKeyDistribution, SenderKeyParts, SenderKeyPartsError, SenderKeyRecord, SenderKeyState,
};
pub use session::{PendingPreKey, SessionParts, SessionPartsError, SessionState};

/// Where fresh key material comes from. Drawn from only by steps that were accepted, so a refused message
/// leaves the source where it was.
pub trait Draw {
    /// The next 32 secret random bytes.
    fn draw_32(&mut self) -> [u8; 32];
}
