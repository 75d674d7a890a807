//! The server's side of the handshake. Reference 01 §5.2, §5.4, §6.1.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::crypto::{KeyPair, PublicKey};
use crate::wire::frame::INTRO;

use super::error::{Fault, HandshakeError};
use super::message;
use super::symmetric::{Pattern, Symmetric};
use super::transport::Transport;

/// A server's long-lived key and chain: reads a ClientHello and answers it.
///
/// ```text
/// ClientHello XX ──────────────► AwaitClientFinish ── ClientFinish ──► Arrived
/// ClientHello IK, accepted ──────────────────────────────────────────► Arrived
/// ClientHello IK, not accepted ► AwaitClientFinish (XXfallback) ─────► Arrived
/// ```
#[derive(Clone, Debug)]
pub struct Responder {
    identity: KeyPair,
    chain: Vec<u8>,
    resumption: Resumption,
}

/// What a server does with an `IK`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resumption {
    /// Accept it, and fall back when it does not open: it was made for another key of this server.
    #[default]
    AcceptOrFallBack,
    /// Accept it or fail.
    AcceptOnly,
    /// Always fall back.
    FallBack,
}

/// How a ClientHello was answered.
#[derive(Debug)]
pub enum Answered {
    /// `XX` or `XXfallback`: one more message is due.
    AwaitClientFinish {
        /// The body of the server's frame.
        server_hello: Vec<u8>,
        /// What reads the client's next frame.
        awaiting: AwaitClientFinish,
    },
    /// `IK`: the handshake is over.
    Arrived {
        /// The body of the server's frame, to be sent before any transport frame.
        server_hello: Vec<u8>,
        /// Who is there.
        arrived: Box<Arrived>,
    },
}

/// A client that completed the handshake, as the server sees it.
#[derive(Debug)]
pub struct Arrived {
    /// The pattern that was completed.
    pub pattern: Pattern,
    /// The client's noise key: it owns the private half.
    pub identity: PublicKey,
    /// The ClientPayload. After [`Pattern::Ik`] it may be a replay.
    pub payload: Vec<u8>,
    /// The sealer and opener of everything that follows.
    pub transport: Transport,
}

impl Responder {
    /// A server with the static key that `chain` (an encoded `CertChain`) certifies; `IK` is accepted.
    #[must_use]
    pub const fn new(identity: KeyPair, chain: Vec<u8>) -> Self {
        Self { identity, chain, resumption: Resumption::AcceptOrFallBack }
    }

    /// The same server with another answer to `IK`.
    #[must_use]
    pub fn with_resumption(self, resumption: Resumption) -> Self {
        Self { resumption, ..self }
    }

    /// Reads the body of the client's first frame; `ephemeral` must be fresh for every connection.
    ///
    /// # Errors
    /// [`HandshakeError`]: close without an answer.
    pub fn read_client_hello(
        &self,
        client_hello: &[u8],
        ephemeral: KeyPair,
    ) -> Result<Answered, HandshakeError> {
        let (client, resumption) =
            message::read_client_hello(client_hello).map_err(|fault| fault.during(Pattern::Xx))?;
        let Some((identity, payload)) = resumption else {
            return self.answer_xx(Pattern::Xx, &client, ephemeral);
        };
        if self.resumption == Resumption::FallBack {
            return self.answer_xx(Pattern::XxFallback, &client, ephemeral);
        }
        match self.answer_ik(&client, &identity, &payload, &ephemeral) {
            Err(Fault::Aead) if self.resumption == Resumption::AcceptOrFallBack => {
                self.answer_xx(Pattern::XxFallback, &client, ephemeral)
            }
            answered => answered.map_err(|fault| fault.during(Pattern::Ik)),
        }
    }

    fn answer_ik(
        &self,
        client: &PublicKey,
        identity: &Bytes,
        payload: &Bytes,
        ephemeral: &KeyPair,
    ) -> Result<Answered, Fault> {
        let mut state = Symmetric::new(Pattern::Ik, &INTRO);
        state.mix_hash(self.identity.public.as_bytes());
        state.mix_hash(client.as_bytes());
        state.mix_agreement(&self.identity.private, client)?;
        let identity = message::static_key(&state.decrypt_and_hash(identity)?)?;
        state.mix_agreement(&self.identity.private, &identity)?;
        let payload = state.decrypt_and_hash(payload)?;
        state.mix_hash(ephemeral.public.as_bytes());
        state.mix_agreement(&ephemeral.private, client)?;
        state.mix_agreement(&ephemeral.private, &identity)?;
        let chain = state.encrypt_and_hash(&self.chain)?;
        let server_hello = message::server_hello(&ephemeral.public, None, chain);
        let transport = Transport::of_server(&state);
        let arrived = Box::new(Arrived { pattern: Pattern::Ik, identity, payload, transport });
        Ok(Answered::Arrived { server_hello, arrived })
    }

    fn answer_xx(
        &self,
        pattern: Pattern,
        client: &PublicKey,
        ephemeral: KeyPair,
    ) -> Result<Answered, HandshakeError> {
        let mut state = Symmetric::new(pattern, &INTRO);
        let server_hello =
            self.mix_server_hello(&mut state, client, &ephemeral).map_err(|fault| fault.during(pattern))?;
        let awaiting = AwaitClientFinish { pattern, state, ephemeral };
        Ok(Answered::AwaitClientFinish { server_hello, awaiting })
    }

    fn mix_server_hello(
        &self,
        state: &mut Symmetric,
        client: &PublicKey,
        ephemeral: &KeyPair,
    ) -> Result<Vec<u8>, Fault> {
        state.mix_hash(client.as_bytes());
        state.mix_hash(ephemeral.public.as_bytes());
        state.mix_agreement(&ephemeral.private, client)?;
        let identity = state.encrypt_and_hash(self.identity.public.as_bytes())?;
        state.mix_agreement(&self.identity.private, client)?;
        let chain = state.encrypt_and_hash(&self.chain)?;
        Ok(message::server_hello(&ephemeral.public, Some(identity), chain))
    }
}

/// A server that has sent its ServerHello and awaits the ClientFinish. Reading does not change it.
#[derive(Clone, Debug)]
pub struct AwaitClientFinish {
    pattern: Pattern,
    state: Symmetric,
    ephemeral: KeyPair,
}

impl AwaitClientFinish {
    /// Reads the body of the client's second frame.
    ///
    /// # Errors
    /// [`HandshakeError`]: close without an answer.
    pub fn read_client_finish(&self, client_finish: &[u8]) -> Result<Arrived, HandshakeError> {
        self.finish(client_finish).map_err(|fault| fault.during(self.pattern))
    }

    fn finish(&self, client_finish: &[u8]) -> Result<Arrived, Fault> {
        let (identity, payload) = message::read_client_finish(client_finish)?;
        let mut state = self.state.clone();
        let identity = message::static_key(&state.decrypt_and_hash(&identity)?)?;
        state.mix_agreement(&self.ephemeral.private, &identity)?;
        let payload = state.decrypt_and_hash(&payload)?;
        let transport = Transport::of_server(&state);
        Ok(Arrived { pattern: self.pattern, identity, payload, transport })
    }
}
