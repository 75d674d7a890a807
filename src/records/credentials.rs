//! The account's own keys and identity. Reference 01 §16, 02 §1.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;
use sanswire_proto::records::{Credentials as Stored, SignedPreKey as StoredPreKey};

use super::{RecordError, Table};
use crate::crypto::{KeyPair, PrivateKey, PublicKey, Secret};
use crate::signal::{Local, SignedPreKey};
use crate::wire::{Jid, OwnedJid};

/// The paired account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Me {
    /// Own device under the phone number.
    pub(crate) pn: OwnedJid,
    /// Own device under the LID.
    pub(crate) lid: Option<OwnedJid>,
}

impl Me {
    /// Whether a JID names one of this account's devices.
    pub(crate) fn is_me(&self, jid: &Jid<'_>) -> bool {
        self.pn.same_user(jid) || self.lid.as_ref().is_some_and(|lid| lid.same_user(jid))
    }
}

/// All that makes this device this device. `Debug` prints no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// Static key of the Noise handshake.
    pub(crate) noise: KeyPair,
    /// Signal identity.
    pub(crate) identity: KeyPair,
    /// Signed prekeys: the current one, then older ones that messages under way may name.
    pub(crate) signed_prekeys: Vec<SignedPreKey>,
    /// Registration id.
    pub(crate) registration_id: u32,
    /// Authenticates pair-success.
    pub(crate) adv_secret: Secret<32>,
    /// The id of the next one-time prekey.
    pub(crate) next_prekey_id: u32,
    /// One-time prekeys from this id up to the next are not known to be uploaded.
    pub(crate) first_unuploaded_prekey_id: u32,
    /// Whether an upload was ever confirmed.
    pub(crate) server_has_prekeys: bool,
    /// Successful logins.
    pub(crate) login_counter: u32,
    /// Sent ahead of the next handshake.
    pub(crate) routing_info: Option<Bytes>,
    /// Own addresses; absent until paired.
    pub(crate) me: Option<Me>,
    /// Encoded ADVSignedDeviceIdentity, with account key and device signature.
    pub(crate) account: Option<Bytes>,
    /// What the phone said it is.
    pub(crate) platform: Option<String>,
    /// Verified name of a business account.
    pub(crate) business_name: Option<String>,
    /// Own name, as shown to others.
    pub(crate) push_name: Option<String>,
    /// Set once this device must not log in again.
    pub(crate) logged_out: Option<String>,
}

impl Credentials {
    /// Our side of every Signal session.
    pub(crate) fn local(&self) -> Local {
        Local { identity: self.identity.clone(), registration_id: self.registration_id }
    }

    /// The signed prekey with an id, current or old.
    pub(crate) fn signed_prekey(&self, id: u32) -> Option<&SignedPreKey> {
        self.signed_prekeys.iter().find(|key| key.id == id)
    }

    /// Reads the stored form.
    pub(crate) fn from_stored(stored: &Stored) -> Result<Self, RecordError> {
        let broken = || RecordError::malformed(Table::Credentials);
        let current = stored.signed_prekey.iter().chain(&stored.old_signed_prekeys);
        let signed_prekeys = current.map(prekey_from).collect::<Option<Vec<_>>>().ok_or_else(broken)?;
        let jid = |text: &Option<String>| match text {
            Some(text) => Jid::parse(text).map(|jid| Some(jid.into_owned())).map_err(|_| broken()),
            None => Ok(None),
        };
        let me = jid(&stored.pn)?.map(|pn| jid(&stored.lid).map(|lid| Me { pn, lid })).transpose()?;
        let pair = |private: &Option<Bytes>, public: &Option<Bytes>| pair(private, public).ok_or_else(broken);
        Ok(Self {
            noise: pair(&stored.noise_private, &stored.noise_public)?,
            identity: pair(&stored.identity_private, &stored.identity_public)?,
            signed_prekeys,
            registration_id: stored.registration_id(),
            adv_secret: Secret::from_slice(stored.adv_secret()).ok_or_else(broken)?,
            next_prekey_id: stored.next_prekey_id(),
            first_unuploaded_prekey_id: stored.first_unuploaded_prekey_id(),
            server_has_prekeys: stored.server_has_prekeys(),
            login_counter: stored.login_counter(),
            routing_info: stored.routing_info.clone(),
            me,
            account: stored.account.clone(),
            platform: stored.platform.clone(),
            business_name: stored.business_name.clone(),
            push_name: stored.push_name.clone(),
            logged_out: stored.logged_out.clone(),
        })
    }

    /// The stored form.
    pub(crate) fn to_stored(&self) -> Stored {
        let mut prekeys = self.signed_prekeys.iter().map(prekey_to);
        let text = |jid: &OwnedJid| jid.to_string();
        Stored {
            noise_private: Some(Bytes::copy_from_slice(self.noise.private.expose())),
            noise_public: Some(Bytes::copy_from_slice(self.noise.public.as_bytes())),
            identity_private: Some(Bytes::copy_from_slice(self.identity.private.expose())),
            identity_public: Some(Bytes::copy_from_slice(self.identity.public.as_bytes())),
            signed_prekey: prekeys.next(),
            old_signed_prekeys: prekeys.collect(),
            registration_id: Some(self.registration_id),
            adv_secret: Some(Bytes::copy_from_slice(self.adv_secret.expose())),
            next_prekey_id: Some(self.next_prekey_id),
            first_unuploaded_prekey_id: Some(self.first_unuploaded_prekey_id),
            server_has_prekeys: Some(self.server_has_prekeys),
            login_counter: Some(self.login_counter),
            routing_info: self.routing_info.clone(),
            pn: self.me.as_ref().map(|me| text(&me.pn)),
            lid: self.me.as_ref().and_then(|me| me.lid.as_ref()).map(text),
            account: self.account.clone(),
            platform: self.platform.clone(),
            business_name: self.business_name.clone(),
            push_name: self.push_name.clone(),
            logged_out: self.logged_out.clone(),
        }
    }
}

fn pair(private: &Option<Bytes>, public: &Option<Bytes>) -> Option<KeyPair> {
    let private = PrivateKey::from_slice(private.as_ref()?).ok()?;
    let public = PublicKey::from_raw(public.as_ref()?).ok()?;
    Some(KeyPair { private, public })
}

fn prekey_from(stored: &StoredPreKey) -> Option<SignedPreKey> {
    let pair = pair(&stored.private, &stored.public)?;
    let signature = stored.signature.as_deref()?.try_into().ok()?;
    Some(SignedPreKey { id: stored.id?, pair, signature })
}

fn prekey_to(key: &SignedPreKey) -> StoredPreKey {
    StoredPreKey {
        id: Some(key.id),
        private: Some(Bytes::copy_from_slice(key.pair.private.expose())),
        public: Some(Bytes::copy_from_slice(key.pair.public.as_bytes())),
        signature: Some(Bytes::copy_from_slice(&key.signature)),
        created_unix_s: None,
    }
}
