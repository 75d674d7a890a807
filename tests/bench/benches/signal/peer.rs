//! The wacore side: one user whose stores are plain memory, with every shortcut that its traits offer.

use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::sync::Mutex;

use async_trait::async_trait;
use rand::SeedableRng;
use rand::rngs::StdRng;
use wacore_libsignal::protocol::error::Result;
use wacore_libsignal::protocol::{
    CiphertextMessage, Direction, GenericSignedPreKey, IdentityChange, IdentityKey, IdentityKeyPair,
    IdentityKeyStore, KeyPair, PreKeyBundle, PreKeyId, PreKeyRecord, PreKeySignalMessage, PreKeyStore,
    ProtocolAddress, SenderKeyDistributionMessage, SenderKeyName, SenderKeyRecord, SenderKeyStore,
    SessionCheckoutKey, SessionCheckoutStoreResult, SessionRecord, SessionStore, SignalMessage,
    SignedPreKeyId, SignedPreKeyRecord, SignedPreKeyStore, Timestamp, UsePQRatchet,
    create_sender_key_distribution_message, group_decrypt, group_encrypt, message_decrypt, message_encrypt,
    process_prekey_bundle, process_sender_key_distribution_message,
};

const REGISTRATION_ID: u32 = 7;
const PREKEY_ID: u32 = 1;

/// A user with one prekey of each kind and at most one session.
pub(crate) struct Peer {
    address: ProtocolAddress,
    identity: Identity,
    prekey: Prekey,
    signed_prekey: SignedPrekey,
    session: Session,
    sender_keys: SenderKeys,
    rng: StdRng,
}

struct Identity(IdentityKeyPair);
struct Prekey(PreKeyRecord);
struct SignedPrekey(SignedPreKeyRecord);
struct Session(Mutex<Option<SessionRecord>>);
/// The sender key of one group and sender.
struct SenderKeys(Mutex<Option<SenderKeyRecord>>);

impl Peer {
    pub(crate) fn new(name: &str, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let identity = IdentityKeyPair::generate(&mut rng);
        let prekey = KeyPair::generate(&mut rng);
        let signed = KeyPair::generate(&mut rng);
        let signature =
            identity.private_key().calculate_signature(&signed.public_key.serialize(), &mut rng).unwrap();
        let time = Timestamp::from_epoch_millis(0);
        Self {
            address: ProtocolAddress::new(name, 1.into()),
            identity: Identity(identity),
            prekey: Prekey(PreKeyRecord::new(PREKEY_ID.into(), &prekey)),
            signed_prekey: SignedPrekey(SignedPreKeyRecord::new(PREKEY_ID.into(), time, &signed, &signature)),
            session: Session(Mutex::new(None)),
            sender_keys: SenderKeys(Mutex::new(None)),
            rng,
        }
    }

    /// What a server hands out for this user.
    pub(crate) fn bundle(&self) -> PreKeyBundle {
        let signed = &self.signed_prekey.0;
        PreKeyBundle::new(
            REGISTRATION_ID,
            1.into(),
            Some((PREKEY_ID.into(), self.prekey.0.public_key().unwrap())),
            PREKEY_ID.into(),
            signed.public_key().unwrap(),
            signed.signature().unwrap(),
            *self.identity.0.identity_key(),
        )
        .unwrap()
    }

    /// X3DH with the bundle of `other`; a session that was there is forgotten.
    pub(crate) fn begin(&mut self, other: &ProtocolAddress, bundle: &PreKeyBundle) {
        self.forget();
        let done = process_prekey_bundle(
            other,
            &mut self.session,
            &mut self.identity,
            bundle,
            &mut self.rng,
            UsePQRatchet::No,
        );
        ready(done).unwrap();
    }

    pub(crate) fn encrypt(&mut self, other: &ProtocolAddress, plaintext: &[u8]) -> CiphertextMessage {
        ready(message_encrypt(plaintext, other, &mut self.session, &mut self.identity)).unwrap()
    }

    /// Reads the wire form, as a client must, and decrypts it.
    pub(crate) fn decrypt(&mut self, other: &ProtocolAddress, wire: &CiphertextMessage) -> usize {
        let message = match wire {
            CiphertextMessage::SignalMessage(_) => {
                CiphertextMessage::SignalMessage(SignalMessage::try_from(wire.serialize()).unwrap())
            }
            _ => CiphertextMessage::PreKeySignalMessage(
                PreKeySignalMessage::try_from(wire.serialize()).unwrap(),
            ),
        };
        let done = message_decrypt(
            &message,
            other,
            &mut self.session,
            &mut self.identity,
            &mut self.prekey,
            &self.signed_prekey,
            &mut self.rng,
            UsePQRatchet::No,
        );
        ready(done).unwrap().plaintext.len()
    }

    pub(crate) const fn address(&self) -> &ProtocolAddress {
        &self.address
    }

    /// Two users that have heard of each other.
    pub(crate) fn established() -> (Self, Self) {
        let (mut carol, mut dave) = (Self::new("carol", 1), Self::new("dave", 2));
        carol.begin(&dave.address, &dave.bundle());
        carol.tells(&mut dave);
        dave.tells(&mut carol);
        carol.tells(&mut dave);
        (carol, dave)
    }

    pub(crate) fn tells(&mut self, other: &mut Self) -> usize {
        let sent = self.encrypt(&other.address, &super::PLAINTEXT);
        let address = self.address.clone();
        other.decrypt(&address, &sent)
    }

    pub(crate) fn forget(&mut self) {
        *self.session.0.get_mut().unwrap() = None;
    }

    /// Puts another session in the place of the one that it has, which comes back.
    pub(crate) fn swap(&mut self, session: &mut Option<SessionRecord>) {
        core::mem::swap(self.session.0.get_mut().unwrap(), session);
    }

    /// Makes a new sender key and gives what hands it out.
    pub(crate) fn creates_sender_key(&mut self, name: &SenderKeyName) -> Box<[u8]> {
        *self.sender_keys.0.get_mut().unwrap() = None;
        let made = create_sender_key_distribution_message(name, &mut self.sender_keys, &mut self.rng);
        ready(made).unwrap().into_serialized()
    }

    /// Takes the sender key of somebody.
    pub(crate) fn takes_sender_key(&mut self, name: &SenderKeyName, bytes: &[u8]) {
        let message = SenderKeyDistributionMessage::try_from(bytes).unwrap();
        ready(process_sender_key_distribution_message(name, &message, &mut self.sender_keys)).unwrap();
    }

    pub(crate) fn encrypt_for_group(&mut self, name: &SenderKeyName, plaintext: &[u8]) -> Vec<u8> {
        let done = group_encrypt(&mut self.sender_keys, name, plaintext, &mut self.rng);
        ready(done).unwrap().serialized().to_vec()
    }

    pub(crate) fn decrypt_for_group(&mut self, name: &SenderKeyName, bytes: &[u8]) -> usize {
        ready(group_decrypt(bytes, &mut self.sender_keys, name)).unwrap().len()
    }
}

/// Runs a future that never waits: memory answers at once.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("a store in memory made its caller wait"),
    }
}

#[async_trait]
impl IdentityKeyStore for Identity {
    async fn get_identity_key_pair(&self) -> Result<IdentityKeyPair> {
        Ok(self.0.clone())
    }

    async fn get_local_registration_id(&self) -> Result<u32> {
        Ok(REGISTRATION_ID)
    }

    async fn save_identity(&mut self, _: &ProtocolAddress, _: &IdentityKey) -> Result<IdentityChange> {
        Ok(IdentityChange::NewOrUnchanged)
    }

    fn try_save_identity(&mut self, _: &ProtocolAddress, _: &IdentityKey) -> Option<Result<IdentityChange>> {
        Some(Ok(IdentityChange::NewOrUnchanged))
    }

    async fn is_trusted_identity(&self, _: &ProtocolAddress, _: &IdentityKey, _: Direction) -> Result<bool> {
        Ok(true)
    }

    fn try_is_trusted_identity(
        &self,
        _: &ProtocolAddress,
        _: &IdentityKey,
        _: Direction,
    ) -> Option<Result<bool>> {
        Some(Ok(true))
    }

    async fn get_identity(&self, _: &ProtocolAddress) -> Result<Option<IdentityKey>> {
        Ok(None)
    }
}

#[async_trait]
impl PreKeyStore for Prekey {
    async fn get_pre_key(&self, _: PreKeyId) -> Result<PreKeyRecord> {
        Ok(self.0.clone())
    }

    async fn save_pre_key(&mut self, _: PreKeyId, _: &PreKeyRecord) -> Result<()> {
        Ok(())
    }

    async fn remove_pre_key(&mut self, _: PreKeyId) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl SignedPreKeyStore for SignedPrekey {
    async fn get_signed_pre_key(&self, _: SignedPreKeyId) -> Result<SignedPreKeyRecord> {
        Ok(self.0.clone())
    }

    async fn save_signed_pre_key(&mut self, _: SignedPreKeyId, _: &SignedPreKeyRecord) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl SessionStore for Session {
    async fn load_session(&self, _: &ProtocolAddress) -> Result<Option<SessionRecord>> {
        Ok(self.0.lock().unwrap().clone())
    }

    fn try_load_session_for_update(
        &self,
        _: &ProtocolAddress,
    ) -> Option<Result<(Option<SessionRecord>, Option<SessionCheckoutKey>)>> {
        Some(Ok((self.0.lock().unwrap().take(), None)))
    }

    async fn has_session(&self, _: &ProtocolAddress) -> Result<bool> {
        Ok(self.0.lock().unwrap().is_some())
    }

    fn try_has_session(&self, _: &ProtocolAddress) -> Option<Result<bool>> {
        Some(Ok(self.0.lock().unwrap().is_some()))
    }

    async fn store_session(&mut self, _: &ProtocolAddress, record: SessionRecord) -> Result<()> {
        *self.0.get_mut().unwrap() = Some(record);
        Ok(())
    }

    fn try_store_session_from_checkout(
        &mut self,
        _: &ProtocolAddress,
        record: SessionRecord,
        _: Option<SessionCheckoutKey>,
        _: bool,
    ) -> SessionCheckoutStoreResult {
        *self.0.get_mut().unwrap() = Some(record);
        SessionCheckoutStoreResult::Stored
    }
}

#[async_trait]
impl SenderKeyStore for SenderKeys {
    async fn store_sender_key(&mut self, _: &SenderKeyName, record: SenderKeyRecord) -> Result<()> {
        *self.0.get_mut().unwrap() = Some(record);
        Ok(())
    }

    async fn load_sender_key(&self, _: &SenderKeyName) -> Result<Option<SenderKeyRecord>> {
        Ok(self.0.lock().unwrap().clone())
    }
}
