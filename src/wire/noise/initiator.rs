//! The client's side of the handshake. Reference 01 §5.2, §5.4.

use alloc::vec::Vec;

use crate::crypto::{KeyPair, PublicKey};
use crate::wire::certificate::{CachedChain, CertificateError, Trust, VerifiedChain};
use crate::wire::frame::INTRO;

use super::error::{Fault, HandshakeError, Part};
use super::message::{self, ServerHelloParts};
use super::symmetric::{Pattern, Symmetric};
use super::transport::Transport;

/// A client that has made its ClientHello and awaits the ServerHello.
///
/// ```text
/// xx ── ClientHello ──► AwaitServerHello ── verified, ClientFinish ──► Transport
/// ik ── ClientHello ──► AwaitServerHello ── verified ────────────────► Transport
///                              └──────── static in it: XXfallback, ClientFinish ──► Transport
/// ```
///
/// Nothing in it changes when the ServerHello is read, so the step can be taken again from the same state; it
/// then gives the same bytes. Only one of the results may be used.
#[derive(Clone, Debug)]
pub struct Initiator {
    identity: KeyPair,
    ephemeral: KeyPair,
    awaiting: AwaitServerHello,
}

#[derive(Clone, Debug)]
enum AwaitServerHello {
    Xx(Symmetric),
    Ik { state: Symmetric, server: PublicKey },
}

/// What a client has after a good ServerHello.
#[derive(Debug)]
pub struct Established {
    /// The pattern that was completed.
    pub pattern: Pattern,
    /// The body of the last handshake frame, to be sent before any transport frame; `None` after `IK`.
    pub client_finish: Option<Vec<u8>>,
    /// The sealer and opener of everything that follows.
    pub transport: Transport,
    /// The server's certified keys, to be cached for the next `IK`.
    pub chain: VerifiedChain,
}

impl Initiator {
    /// Starts an `XX`: the state, and the body of the first frame.
    ///
    /// `identity` is the device's long-lived noise key; `ephemeral` must be fresh for every connection.
    #[must_use]
    pub fn xx(identity: KeyPair, ephemeral: KeyPair) -> (Self, Vec<u8>) {
        let mut state = Symmetric::new(Pattern::Xx, &INTRO);
        state.mix_hash(ephemeral.public.as_bytes());
        let hello = message::client_hello(&ephemeral.public, None);
        (Self { identity, ephemeral, awaiting: AwaitServerHello::Xx(state) }, hello)
    }

    /// Starts an `IK` with the server key of an earlier connection; `payload` (the ClientPayload) travels in
    /// this first message, so it can be replayed to the server and is only as safe as the server's static key.
    /// Ask [`CachedChain::is_valid_for_resumption`] first.
    ///
    /// # Errors
    /// [`Fault::LowOrder`] for an unusable cached key.
    pub fn ik(
        identity: KeyPair,
        ephemeral: KeyPair,
        server: &CachedChain,
        payload: &[u8],
    ) -> Result<(Self, Vec<u8>), HandshakeError> {
        let server = server.leaf.key;
        let (state, hello) =
            start_ik(&identity, &ephemeral, &server, payload).map_err(|fault| fault.during(Pattern::Ik))?;
        Ok((Self { identity, ephemeral, awaiting: AwaitServerHello::Ik { state, server } }, hello))
    }

    /// The pattern that was started.
    #[must_use]
    pub const fn pattern(&self) -> Pattern {
        match self.awaiting {
            AwaitServerHello::Xx(_) => Pattern::Xx,
            AwaitServerHello::Ik { .. } => Pattern::Ik,
        }
    }

    /// Reads the body of the server's first frame, checks its certificate chain at `now_unix_s`, and makes the
    /// ClientFinish with `payload` (the ClientPayload) where the pattern has one.
    ///
    /// # Errors
    /// [`HandshakeError`]: nothing may be sent after it, so that neither the client's identity nor its payload
    /// reaches a server that was not verified.
    pub fn read_server_hello(
        &self,
        server_hello: &[u8],
        trust: &Trust,
        now_unix_s: u64,
        payload: &[u8],
    ) -> Result<Established, HandshakeError> {
        let read = message::read_server_hello(server_hello).map_err(|fault| fault.during(self.pattern()))?;
        let verify = |chain: &[u8], server: &PublicKey| trust.verify(chain, server, now_unix_s);
        let (pattern, outcome) = match (&self.awaiting, &read.identity) {
            (AwaitServerHello::Ik { state, server }, None) => {
                (Pattern::Ik, self.resume(state.clone(), server, &read, verify))
            }
            (AwaitServerHello::Ik { .. }, Some(identity)) => {
                let mut state = Symmetric::new(Pattern::XxFallback, &INTRO);
                state.mix_hash(self.ephemeral.public.as_bytes());
                (Pattern::XxFallback, self.finish(state, identity, &read, verify, payload))
            }
            (AwaitServerHello::Xx(state), Some(identity)) => {
                (Pattern::Xx, self.finish(state.clone(), identity, &read, verify, payload))
            }
            (AwaitServerHello::Xx(_), None) => (Pattern::Xx, Err(Fault::Missing(Part::Static))),
        };
        let (state, client_finish, chain) = outcome.map_err(|fault| fault.during(pattern))?;
        Ok(Established { pattern, client_finish, transport: Transport::of_client(&state), chain })
    }

    /// The rest of an `IK` that the server accepted.
    fn resume(
        &self,
        mut state: Symmetric,
        server: &PublicKey,
        read: &ServerHelloParts,
        verify: impl FnOnce(&[u8], &PublicKey) -> Result<VerifiedChain, CertificateError>,
    ) -> Result<Outcome, Fault> {
        let ephemeral = read.ephemeral_key()?;
        state.mix_hash(ephemeral.as_bytes());
        state.mix_agreement(&self.ephemeral.private, &ephemeral)?;
        state.mix_agreement(&self.identity.private, &ephemeral)?;
        let chain = verify(&state.decrypt_and_hash(&read.chain)?, server)?;
        Ok((state, None, chain))
    }

    /// The rest of an `XX`, and of an `IK` that the server turned into one.
    fn finish(
        &self,
        mut state: Symmetric,
        identity: &[u8],
        read: &ServerHelloParts,
        verify: impl FnOnce(&[u8], &PublicKey) -> Result<VerifiedChain, CertificateError>,
        payload: &[u8],
    ) -> Result<Outcome, Fault> {
        let ephemeral = read.ephemeral_key()?;
        state.mix_hash(ephemeral.as_bytes());
        state.mix_agreement(&self.ephemeral.private, &ephemeral)?;
        let server = message::static_key(&state.decrypt_and_hash(identity)?)?;
        state.mix_agreement(&self.ephemeral.private, &server)?;
        let chain = verify(&state.decrypt_and_hash(&read.chain)?, &server)?;
        let identity = state.encrypt_and_hash(self.identity.public.as_bytes())?;
        state.mix_agreement(&self.identity.private, &ephemeral)?;
        let payload = state.encrypt_and_hash(payload)?;
        Ok((state, Some(message::client_finish(identity, payload)), chain))
    }
}

/// The final state, the ClientFinish if there is one, and the server's keys.
type Outcome = (Symmetric, Option<Vec<u8>>, VerifiedChain);

fn start_ik(
    identity: &KeyPair,
    ephemeral: &KeyPair,
    server: &PublicKey,
    payload: &[u8],
) -> Result<(Symmetric, Vec<u8>), Fault> {
    let mut state = Symmetric::new(Pattern::Ik, &INTRO);
    state.mix_hash(server.as_bytes());
    state.mix_hash(ephemeral.public.as_bytes());
    state.mix_agreement(&ephemeral.private, server)?;
    let sealed_identity = state.encrypt_and_hash(identity.public.as_bytes())?;
    state.mix_agreement(&identity.private, server)?;
    let sealed_payload = state.encrypt_and_hash(payload)?;
    let hello = message::client_hello(&ephemeral.public, Some((sealed_identity, sealed_payload)));
    Ok((state, hello))
}
