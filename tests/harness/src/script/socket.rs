//! The server's half of one connection, up to the transport keys. Reference 01 §3-6.

use bytes::Bytes;
use prost::Message as _;
use sanswire::wire::frame::{FrameBuffer, header};
use sanswire::wire::intro::{Intro, IntroReader};
use sanswire::wire::noise::{Answered, Arrived, AwaitClientFinish, Responder, Transport};
use sanswire::wire::{Document, Node};
use sanswire_proto::whatsapp::ClientPayload;

use crate::seed::Seed;

/// One connection and how far it has come.
pub(super) struct Socket {
    responder: Responder,
    stage: Stage,
    frames: FrameBuffer,
}

enum Stage {
    Intro(IntroReader),
    Hello,
    Finish(Box<AwaitClientFinish>),
    Open(Box<Transport>),
}

/// What came out of the client's bytes.
#[derive(Default)]
pub(super) struct Taken {
    /// The answer to a handshake message.
    pub(super) answer: Option<Bytes>,
    /// Who the client says it is.
    pub(super) payload: Option<ClientPayload>,
    /// What the connection began with, when that was among the bytes.
    pub(super) intro: Option<Intro>,
    pub(super) nodes: Vec<Node<'static>>,
}

impl Socket {
    pub(super) fn new(responder: Responder) -> Self {
        Self { responder, stage: Stage::Intro(IntroReader::default()), frames: FrameBuffer::new() }
    }

    /// Reads what the client sent.
    ///
    /// # Panics
    /// When it is not what a client sends: the client under test is at fault.
    pub(super) fn take(&mut self, mut bytes: &[u8], seed: &mut Seed) -> Taken {
        let mut taken = Taken::default();
        if let Stage::Intro(reader) = &mut self.stage {
            match reader.read(&mut bytes) {
                Ok(Some(intro)) => {
                    self.stage = Stage::Hello;
                    taken.intro = Some(intro);
                }
                Ok(None) => return taken,
                Err(error) => panic!("the client's first bytes: {error}"),
            }
        }
        assert_eq!(self.frames.push(bytes), Ok(()), "the client's frames fit the buffer");
        while let Some(mut frame) = self.frames.next_frame() {
            match &mut self.stage {
                Stage::Intro(_) => {}
                Stage::Hello => self.hello(&frame, seed, &mut taken),
                Stage::Finish(awaiting) => match awaiting.read_client_finish(&frame) {
                    Ok(arrived) => self.arrived(arrived, &mut taken),
                    Err(error) => panic!("the client's finish: {error}"),
                },
                Stage::Open(transport) => {
                    let plain = match transport.opener.open_in_place(&mut frame) {
                        Ok(plain) => plain.to_vec(),
                        Err(error) => panic!("the client's frame cannot be opened: {error}"),
                    };
                    match Document::decode(plain.as_slice()) {
                        Ok(document) => taken.nodes.push(document.root().to_owned_node()),
                        Err(error) => panic!("the client's frame is no stanza: {error}: {plain:02x?}"),
                    }
                }
            }
        }
        taken
    }

    pub(super) const fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open(_))
    }

    /// Seals a plaintext into a frame; `None` before the handshake is over.
    pub(super) fn seal(&mut self, plaintext: &[u8]) -> Option<Bytes> {
        let Stage::Open(transport) = &mut self.stage else { return None };
        let mut frame = Vec::new();
        transport.sealer.seal_into(plaintext, &mut frame).ok()?;
        Some(frame.into())
    }

    fn hello(&mut self, frame: &[u8], seed: &mut Seed, taken: &mut Taken) {
        match self.responder.read_client_hello(frame, seed.key_pair()) {
            Ok(Answered::AwaitClientFinish { server_hello, awaiting }) => {
                taken.answer = Some(framed(&server_hello));
                self.stage = Stage::Finish(Box::new(awaiting));
            }
            Ok(Answered::Arrived { server_hello, arrived }) => {
                taken.answer = Some(framed(&server_hello));
                self.arrived(*arrived, taken);
            }
            Err(error) => panic!("the client's hello: {error}"),
        }
    }

    fn arrived(&mut self, arrived: Arrived, taken: &mut Taken) {
        taken.payload = ClientPayload::decode(arrived.payload.as_slice()).ok();
        self.stage = Stage::Open(Box::new(arrived.transport));
    }
}

/// A frame around a body.
pub(super) fn framed(body: &[u8]) -> Bytes {
    let head = header(body.len()).unwrap_or_default();
    Bytes::from([&head[..], body].concat())
}
