//! The three handshake messages as protobuf: which parts each must have, and their lengths.
//! Reference 01 §5.2, §5.5.

use alloc::vec::Vec;

use bytes::Bytes;
use prost::Message;
use sanswire_proto::whatsapp::HandshakeMessage;
use sanswire_proto::whatsapp::handshake_message::{ClientFinish, ClientHello, ServerHello};

use crate::crypto::PublicKey;

use super::error::{Fault, Part};

/// Writes a ClientHello; `resumption` is the encrypted static key and payload of `IK`.
pub(super) fn client_hello(ephemeral: &PublicKey, resumption: Option<(Vec<u8>, Vec<u8>)>) -> Vec<u8> {
    let (identity, payload) = resumption.unzip();
    let hello = ClientHello {
        ephemeral: Some(Bytes::copy_from_slice(ephemeral.as_bytes())),
        r#static: identity.map(Bytes::from),
        payload: payload.map(Bytes::from),
        ..ClientHello::default()
    };
    HandshakeMessage { client_hello: Some(hello), ..HandshakeMessage::default() }.encode_to_vec()
}

/// Writes a ServerHello; `identity` is the encrypted static key, absent when an `IK` is accepted.
pub(super) fn server_hello(ephemeral: &PublicKey, identity: Option<Vec<u8>>, chain: Vec<u8>) -> Vec<u8> {
    let hello = ServerHello {
        ephemeral: Some(Bytes::copy_from_slice(ephemeral.as_bytes())),
        r#static: identity.map(Bytes::from),
        payload: Some(Bytes::from(chain)),
        ..ServerHello::default()
    };
    HandshakeMessage { server_hello: Some(hello), ..HandshakeMessage::default() }.encode_to_vec()
}

/// Writes a ClientFinish from the encrypted static key and payload.
pub(super) fn client_finish(identity: Vec<u8>, payload: Vec<u8>) -> Vec<u8> {
    let finish = ClientFinish {
        r#static: Some(Bytes::from(identity)),
        payload: Some(Bytes::from(payload)),
        ..ClientFinish::default()
    };
    HandshakeMessage { client_finish: Some(finish), ..HandshakeMessage::default() }.encode_to_vec()
}

/// Reads a ClientHello: the ephemeral key, and static key and payload when the client tries `IK`.
pub(super) fn read_client_hello(message: &[u8]) -> Result<(PublicKey, Option<(Bytes, Bytes)>), Fault> {
    let hello = decode(message)?.client_hello.ok_or(Fault::Missing(Part::ClientHello))?;
    let ephemeral = hello.ephemeral.ok_or(Fault::Missing(Part::Ephemeral))?;
    let resumption = match (hello.r#static, hello.payload) {
        (None, None) => None,
        (Some(identity), Some(payload)) => Some((identity, payload)),
        (None, Some(_)) => return Err(Fault::Missing(Part::Static)),
        (Some(_), None) => return Err(Fault::Missing(Part::Payload)),
    };
    Ok((ephemeral_key(&ephemeral)?, resumption))
}

/// A ServerHello whose parts were found; the lengths are unchecked.
pub(super) struct ServerHelloParts {
    ephemeral: Bytes,
    /// The encrypted static key; its absence is how a server accepts an `IK`.
    pub(super) identity: Option<Bytes>,
    /// The encrypted certificate chain.
    pub(super) chain: Bytes,
}

impl ServerHelloParts {
    pub(super) fn ephemeral_key(&self) -> Result<PublicKey, Fault> {
        ephemeral_key(&self.ephemeral)
    }
}

/// Reads a ServerHello.
pub(super) fn read_server_hello(message: &[u8]) -> Result<ServerHelloParts, Fault> {
    let hello = decode(message)?.server_hello.ok_or(Fault::Missing(Part::ServerHello))?;
    let ephemeral = hello.ephemeral.ok_or(Fault::Missing(Part::Ephemeral))?;
    let chain = hello.payload.ok_or(Fault::Missing(Part::Payload))?;
    Ok(ServerHelloParts { ephemeral, identity: hello.r#static, chain })
}

/// Reads a ClientFinish: the encrypted static key and payload.
pub(super) fn read_client_finish(message: &[u8]) -> Result<(Bytes, Bytes), Fault> {
    let finish = decode(message)?.client_finish.ok_or(Fault::Missing(Part::ClientFinish))?;
    let identity = finish.r#static.ok_or(Fault::Missing(Part::Static))?;
    let payload = finish.payload.ok_or(Fault::Missing(Part::Payload))?;
    Ok((identity, payload))
}

/// A decrypted static key: exactly 32 bytes.
pub(super) fn static_key(plain: &[u8]) -> Result<PublicKey, Fault> {
    PublicKey::from_raw(plain).map_err(|_| Fault::StaticLength(plain.len()))
}

/// Exactly 32 bytes: Baileys also takes 33 with a type byte, which the transcript then disagrees about.
fn ephemeral_key(bytes: &[u8]) -> Result<PublicKey, Fault> {
    PublicKey::from_raw(bytes).map_err(|_| Fault::EphemeralLength(bytes.len()))
}

fn decode(message: &[u8]) -> Result<HandshakeMessage, Fault> {
    HandshakeMessage::decode(message).map_err(|_| Fault::Proto)
}
