//! A broken client of another kind: something between the client and the server that reads and changes what
//! the client says, in stanzas.

use std::collections::VecDeque;
use std::sync::Arc;

use base64ct::{Base64, Encoding as _};
use bytes::Bytes;
use sanswire::crypto::KeyPair;
use sanswire::event::{Event, LinkEvent};
use sanswire::wire::certificate::{ChainPlan, Trust};
use sanswire::wire::frame::{FrameBuffer, header, intro};
use sanswire::wire::intro::IntroReader;
use sanswire::wire::noise::{Answered, AwaitClientFinish, Initiator, Responder, Transport};
use sanswire::wire::{Document, Node, encode};
use sanswire::{Client, Config, Input, Machine, Misuse, Now, Output};
use sanswire_sim::seed::Seed;
use sanswire_sim::world::Maker;

/// What is made of each stanza that the client sends.
pub(crate) type Change = Arc<dyn Fn(Node<'static>) -> Vec<Node<'static>> + Send + Sync>;

/// A client whose stanzas pass through somebody else's hands. It trusts that somebody, who in turn has a
/// connection of its own to the server, under a key that outlives the client's processes.
struct Between {
    client: Client,
    change: Change,
    trust: Trust,
    device: KeyPair,
    responder: Responder,
    seed: Seed,
    near: Near,
    far: Far,
    near_frames: FrameBuffer,
    far_frames: FrameBuffer,
    inputs: VecDeque<Input>,
    outputs: VecDeque<Output>,
    now: Now,
}

/// How far the client's side is.
enum Near {
    Intro(IntroReader),
    Hello,
    Finish(Box<AwaitClientFinish>),
    Open(Box<Transport>),
}

/// How far the server's side is.
enum Far {
    Idle,
    /// What waits for the server's hello: the handshake, and once known, the client's payload.
    Greeting(Box<Initiator>, Option<Bytes>),
    Open(Box<Transport>),
}

/// Makes clients whose stanzas are changed.
pub(crate) fn between(change: impl Fn(Node<'static>) -> Vec<Node<'static>> + Send + Sync + 'static) -> Maker {
    let change: Change = Arc::new(change);
    let mut keys = Seed::new([0xb7; 32]);
    let device = keys.key_pair();
    Arc::new(move |mut config: Config, seed: [u8; 32], now: Now| {
        let mut own = Seed::new(seed);
        let (root, intermediate, leaf) = (own.key_pair(), own.key_pair(), own.key_pair());
        let plan = ChainPlan {
            root: &root.private,
            root_serial: 0,
            intermediate: &intermediate,
            leaf: leaf.public,
            not_before: 0,
            not_after: u64::from(u32::MAX),
        };
        let chain = plan.make(&[own.bytes(), own.bytes()]);
        let trust = config.trust.clone();
        config.trust.root = root.public;
        Box::new(Between {
            client: Client::new(config, seed, now).unwrap(),
            change: Arc::clone(&change),
            trust,
            device: device.clone(),
            responder: Responder::new(leaf, chain),
            seed: own,
            near: Near::Intro(IntroReader::default()),
            far: Far::Idle,
            near_frames: FrameBuffer::new(),
            far_frames: FrameBuffer::new(),
            inputs: VecDeque::new(),
            outputs: VecDeque::new(),
            now,
        }) as Box<dyn Machine>
    })
}

impl Machine for Between {
    fn handle(&mut self, input: Input, now: Now) -> Result<(), Misuse> {
        self.now = now;
        match input {
            Input::Received(bytes) => {
                self.far_frames.push(&bytes).unwrap();
                self.hear_server();
                Ok(())
            }
            other => self.client.handle(other, now),
        }
    }

    fn poll(&mut self) -> Output {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return output;
            }
            match self.client.poll() {
                Output::Connect(target) => {
                    self.near = Near::Intro(IntroReader::default());
                    self.far = Far::Idle;
                    (self.near_frames, self.far_frames) = (FrameBuffer::new(), FrameBuffer::new());
                    self.inputs.clear();
                    return Output::Connect(target);
                }
                Output::Send(bytes) => self.hear_client(&bytes),
                Output::Wait(deadline) => match self.inputs.pop_front() {
                    Some(input) => self.client.handle(input, self.now).unwrap(),
                    None => return Output::Wait(deadline),
                },
                Output::Event(mut envelope) => {
                    if let Event::Link(LinkEvent::QrCode { text, .. }) = &mut envelope.event {
                        *text = self.show_own_key(text);
                    }
                    return Output::Event(envelope);
                }
                other => return other,
            }
        }
    }
}

impl Between {
    /// The code names the key that the server will meet: reference, this key, identity, secret.
    fn show_own_key(&self, code: &str) -> String {
        let own = Base64::encode_string(self.device.public.as_bytes());
        let mut fields: Vec<&str> = code.split(',').collect();
        fields[1] = &own;
        fields.join(",")
    }

    fn hear_client(&mut self, mut bytes: &[u8]) {
        if let Near::Intro(reader) = &mut self.near {
            if reader.read(&mut bytes).unwrap().is_none() {
                return;
            }
            self.near = Near::Hello;
        }
        self.near_frames.push(bytes).unwrap();
        while let Some(mut frame) = self.near_frames.next_frame() {
            match &mut self.near {
                Near::Intro(_) => {}
                Near::Hello => {
                    let answered = self.responder.read_client_hello(&frame, self.seed.key_pair()).unwrap();
                    let Answered::AwaitClientFinish { server_hello, awaiting } = answered else {
                        panic!("the client resumes nothing")
                    };
                    self.inputs.push_back(Input::Received(framed(&server_hello)));
                    self.near = Near::Finish(Box::new(awaiting));
                }
                Near::Finish(awaiting) => {
                    let arrived = awaiting.read_client_finish(&frame).unwrap();
                    self.near = Near::Open(Box::new(arrived.transport));
                    self.greet_server(arrived.payload.into());
                }
                Near::Open(transport) => {
                    let plain = transport.opener.open_in_place(&mut frame).unwrap().to_vec();
                    let node = Document::decode(plain).unwrap().root().to_owned_node();
                    for node in (self.change)(node) {
                        self.tell_server(&node);
                    }
                }
            }
        }
    }

    fn greet_server(&mut self, payload: Bytes) {
        let (initiator, hello) = Initiator::xx(self.device.clone(), self.seed.key_pair());
        let start = [&intro(None)[..], &framed(&hello)[..]].concat();
        self.outputs.push_back(Output::Send(start.into()));
        self.far = Far::Greeting(Box::new(initiator), Some(payload));
    }

    fn tell_server(&mut self, node: &Node<'_>) {
        let Far::Open(transport) = &mut self.far else { return };
        let mut frame = Vec::new();
        transport.sealer.seal_into(&encode(node).unwrap(), &mut frame).unwrap();
        self.outputs.push_back(Output::Send(frame.into()));
    }

    fn hear_server(&mut self) {
        while let Some(mut frame) = self.far_frames.next_frame() {
            match &mut self.far {
                Far::Idle => {}
                Far::Greeting(initiator, payload) => {
                    let payload = payload.take().unwrap_or_default();
                    let done = initiator
                        .read_server_hello(&frame, &self.trust, self.now.unix.seconds(), &payload)
                        .unwrap();
                    let finish = done.client_finish.map(|finish| Output::Send(framed(&finish)));
                    self.outputs.extend(finish);
                    self.far = Far::Open(Box::new(done.transport));
                }
                Far::Open(transport) => {
                    let plain = transport.opener.open_in_place(&mut frame).unwrap().to_vec();
                    let Near::Open(near) = &mut self.near else { return };
                    let mut sealed = Vec::new();
                    near.sealer.seal_into(&plain, &mut sealed).unwrap();
                    self.inputs.push_back(Input::Received(sealed.into()));
                }
            }
        }
    }
}

/// A frame around a body.
fn framed(body: &[u8]) -> Bytes {
    Bytes::from([&header(body.len()).unwrap()[..], body].concat())
}
