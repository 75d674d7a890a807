//! One connection: intro, frames, the Noise responder, then stanzas. Reference 01 §3-6, 14 §3, §7.

use core::time::Duration;

use bytes::{Bytes, BytesMut};
use sanswire::crypto::{KeyPair, PrivateKey};
use sanswire::wire::certificate::ChainPlan;
use sanswire::wire::frame::{FrameBuffer, header};
use sanswire::wire::intro::IntroReader;
use sanswire::wire::noise::{Answered, Arrived, AwaitClientFinish, Opener, Responder, Sealer, Transport};
use sanswire::wire::{Document, Node, encode};

use super::directory::Directory;
use super::pairing::Registration;
use super::{DeviceRef, Server, ServerOutput, Stanza};
use crate::clock::Time;
use crate::seed::Seed;

/// Number of a connection, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// The server's long-lived keys and its signed certificate chain.
pub(crate) struct NoiseIdentity {
    root: [u8; 32],
    responder: Responder,
}

impl NoiseIdentity {
    /// Draws root (unless given), intermediate and static key, and signs the chain. Reference 14 §3.
    pub(crate) fn draw(root: Option<[u8; 32]>, seed: &mut Seed, now: Time) -> Self {
        let root = KeyPair::from_private(root.unwrap_or_else(|| seed.bytes()));
        let (intermediate, leaf) = (seed.key_pair(), seed.key_pair());
        let chain = chain_plan(&root.private, &intermediate, &leaf, now).make(&[seed.bytes(), seed.bytes()]);
        Self { root: *root.public.as_bytes(), responder: Responder::new(leaf, chain) }
    }

    pub(crate) fn root_public(&self) -> [u8; 32] {
        self.root
    }
}

/// One connection and how far it has come.
pub(crate) struct Link {
    stage: Stage,
    frames: FrameBuffer,
    sealer: Option<Sealer>,
    opener: Option<Opener>,
    opened: Time,
    /// When the last whole frame came.
    heard: Time,
}

/// What the server waits for on a connection.
enum Stage {
    AwaitIntro(IntroReader),
    AwaitClientHello,
    AwaitClientFinish(Box<AwaitClientFinish>),
    Registering(Box<Registration>),
    Online(DeviceRef),
}

impl Link {
    pub(crate) fn new(now: Time) -> Self {
        Self {
            stage: Stage::AwaitIntro(IntroReader::default()),
            frames: FrameBuffer::new(),
            sealer: None,
            opener: None,
            opened: now,
            heard: now,
        }
    }

    /// The logged-in device.
    pub(crate) fn device(&self) -> Option<DeviceRef> {
        match self.stage {
            Stage::Online(at) => Some(at),
            _ => None,
        }
    }

    pub(crate) fn registration(&self) -> Option<&Registration> {
        match &self.stage {
            Stage::Registering(registration) => Some(registration),
            _ => None,
        }
    }

    pub(crate) fn registration_mut(&mut self) -> Option<&mut Registration> {
        match &mut self.stage {
            Stage::Registering(registration) => Some(registration),
            _ => None,
        }
    }

    pub(crate) fn set_registering(&mut self, registration: Registration) {
        self.stage = Stage::Registering(Box::new(registration));
    }

    pub(crate) fn set_online(&mut self, at: DeviceRef) {
        self.stage = Stage::Online(at);
    }

    /// Encodes and seals one node into a frame; `None` when the connection cannot carry it.
    pub(crate) fn seal(&mut self, node: &Node<'_>) -> Option<Bytes> {
        let plain = encode(node).ok()?;
        let mut frame = Vec::with_capacity(plain.len() + 32);
        self.sealer.as_mut()?.seal_into(&plain, &mut frame).ok()?;
        Some(Bytes::from(frame))
    }

    fn open(&mut self, frame: &mut BytesMut) -> Option<Bytes> {
        let opened = self.opener.as_mut()?.open_in_place(frame).ok()?;
        Some(Bytes::copy_from_slice(opened))
    }

    /// When this connection is given up or its backlog goes on.
    pub(crate) fn deadline(&self, directory: &Directory) -> Option<Time> {
        let own = match &self.stage {
            Stage::Registering(registration) => return registration.deadline(),
            Stage::Online(_) => self.heard.after(SILENCE),
            _ => self.opened.after(HANDSHAKE),
        };
        let backlog = self.device().and_then(|at| directory.device(at)?.queue.deadline());
        Some(backlog.map_or(own, |at| at.min(own)))
    }
}

impl Server {
    /// Takes bytes of the stream; everything complete is handled before this returns.
    pub(crate) fn take_bytes(&mut self, conn: ConnId, mut bytes: &[u8]) {
        let Some(link) = self.links.get_mut(&conn) else { return };
        if let Stage::AwaitIntro(reader) = &mut link.stage {
            match reader.read(&mut bytes) {
                Ok(Some(_)) => link.stage = Stage::AwaitClientHello,
                Ok(None) => return,
                Err(_) => return self.drop_link(conn),
            }
        }
        for chunk in bytes.chunks(CHUNK) {
            let Some(link) = self.links.get_mut(&conn) else { return };
            if link.frames.push(chunk).is_err() {
                return self.drop_link(conn);
            }
            while let Some(frame) = self.links.get_mut(&conn).and_then(|link| link.frames.next_frame()) {
                self.take_frame(conn, frame);
            }
        }
    }

    fn take_frame(&mut self, conn: ConnId, mut frame: BytesMut) {
        let now = self.now;
        let Some(link) = self.links.get_mut(&conn) else { return };
        link.heard = now;
        match &link.stage {
            Stage::AwaitIntro(_) => {}
            Stage::AwaitClientHello => self.take_client_hello(conn, &frame),
            Stage::AwaitClientFinish(awaiting) => match awaiting.read_client_finish(&frame) {
                Ok(arrived) => self.take_arrived(conn, arrived),
                Err(_) => self.drop_link(conn),
            },
            Stage::Registering(_) | Stage::Online(_) => match link.open(&mut frame) {
                Some(plain) => self.take_plaintext(conn, plain),
                None => self.drop_link(conn),
            },
        }
    }

    fn take_client_hello(&mut self, conn: ConnId, frame: &[u8]) {
        self.audit_hello(frame);
        let ephemeral = self.seed.key_pair();
        match self.noise.responder.read_client_hello(frame, ephemeral) {
            Ok(Answered::AwaitClientFinish { server_hello, awaiting }) => {
                self.send_plain(conn, &server_hello);
                if let Some(link) = self.links.get_mut(&conn) {
                    link.stage = Stage::AwaitClientFinish(Box::new(awaiting));
                }
            }
            Ok(Answered::Arrived { server_hello, arrived }) => {
                self.send_plain(conn, &server_hello);
                self.take_arrived(conn, *arrived);
            }
            Err(_) => self.drop_link(conn),
        }
    }

    fn send_plain(&mut self, conn: ConnId, body: &[u8]) {
        let Ok(head) = header(body.len()) else { return };
        let bytes = Bytes::from([&head[..], body].concat());
        self.outputs.push_back(ServerOutput::Send { conn, bytes });
    }

    fn take_arrived(&mut self, conn: ConnId, arrived: Arrived) {
        let Some(link) = self.links.get_mut(&conn) else { return };
        let Transport { sealer, opener } = arrived.transport;
        link.sealer = Some(sealer);
        link.opener = Some(opener);
        self.take_payload(conn, *arrived.identity.as_bytes(), &arrived.payload);
    }

    fn take_plaintext(&mut self, conn: ConnId, plain: Bytes) {
        match Document::decode(plain) {
            Ok(document) => self.dispatch(conn, &document.root().to_owned_node()),
            Err(_) => {
                self.stream_error(conn, Node::new("stream:error").child(Node::new("xml-not-well-formed")))
            }
        }
    }

    /// Says why, then closes. Reference 01 §8.3.
    pub(crate) fn stream_error(&mut self, conn: ConnId, error: Stanza) {
        self.send(conn, &error);
        self.drop_link(conn);
    }

    /// A connection is gone: its device is offline, its refs are void.
    pub(crate) fn forget(&mut self, conn: ConnId) {
        let Some(link) = self.links.remove(&conn) else { return };
        self.refs.retain(|_, qr| qr.conn != conn || qr.used);
        match link.stage {
            Stage::Online(at)
                if self.directory.device(at).is_some_and(|device| device.conn == Some(conn)) =>
            {
                self.shut_queue(at);
                self.went_offline(at);
            }
            Stage::Registering(registration) => {
                if let Some(pending) = registration.pending {
                    self.give_up_link(&pending);
                }
            }
            _ => {}
        }
    }

    /// Gives up handshakes that take too long and connections that say nothing.
    pub(crate) fn expire_links(&mut self) {
        let now = self.now;
        let stale = |link: &Link| match &link.stage {
            Stage::Registering(registration) => registration.deadline().is_some_and(|at| at <= now),
            Stage::Online(_) => link.heard.after(SILENCE) <= now,
            _ => link.opened.after(HANDSHAKE) <= now,
        };
        let gone: Vec<ConnId> =
            self.links.iter().filter(|(_, link)| stale(link)).map(|(conn, _)| *conn).collect();
        for conn in gone {
            self.drop_link(conn);
        }
    }
}

/// The plan of the chain: valid from yesterday for a year.
fn chain_plan<'a>(
    root: &'a PrivateKey,
    intermediate: &'a KeyPair,
    leaf: &KeyPair,
    now: Time,
) -> ChainPlan<'a> {
    ChainPlan {
        root,
        root_serial: 0,
        intermediate,
        leaf: leaf.public,
        not_before: now.seconds().saturating_sub(DAY_S),
        not_after: now.seconds() + 365 * DAY_S,
    }
}

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(20);
/// How long a logged-in client may say nothing.
const SILENCE: Duration = Duration::from_secs(120);
/// Input is cut into pieces of this size, so that the frame buffer's bound holds for any read.
const CHUNK: usize = 1 << 16;
const DAY_S: u64 = 86_400;
