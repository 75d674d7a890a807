//! What holds for all keys, all splits of the stream, and all bytes.

use proptest::prelude::*;
use prost::Message as _;
use sanswire::crypto::{KeyPair, PublicKey, Secret};
use sanswire::wire::certificate::{CachedChain, ChainPlan, Trust};
use sanswire::wire::frame::{self, FrameBuffer};
use sanswire::wire::intro::IntroReader;
use sanswire::wire::noise::{
    Answered, Arrived, AwaitClientFinish, Established, HandshakeError, Initiator, NoiseError, Opener,
    Pattern, Responder, Resumption, Sealer,
};
use sanswire_proto::whatsapp::HandshakeMessage;
use sanswire_proto::whatsapp::handshake_message::{ClientFinish, ClientHello, ServerHello};

pub(super) const NOW: u64 = 1_800_000_000;
pub(super) const PAYLOAD: &[u8] = b"client payload";

/// Both sides before they meet.
pub(super) struct Sides {
    pub(super) client: KeyPair,
    pub(super) client_ephemeral: KeyPair,
    pub(super) server: KeyPair,
    pub(super) server_ephemeral: KeyPair,
    pub(super) trust: Trust,
    pub(super) chain: Vec<u8>,
}

impl Sides {
    pub(super) fn new(seeds: [[u8; 32]; 6]) -> Self {
        let [client, client_ephemeral, server, server_ephemeral, root, intermediate] =
            seeds.map(KeyPair::from_private);
        let plan = ChainPlan {
            root: &root.private,
            root_serial: 0,
            intermediate: &intermediate,
            leaf: server.public,
            not_before: NOW - 1,
            not_after: NOW + 1,
        };
        let chain = plan.make(&[[1; 64], [2; 64]]);
        let trust = Trust { root: root.public, ..Trust::default() };
        Self { client, client_ephemeral, server, server_ephemeral, trust, chain }
    }

    pub(super) fn fixed() -> Self {
        Self::new([1, 2, 3, 4, 5, 6].map(|seed| [seed; 32]))
    }

    /// What an earlier `XX` would have left.
    pub(super) fn cached(&self) -> CachedChain {
        self.trust.verify(&self.chain, &self.server.public, NOW).unwrap()
    }

    pub(super) fn initiator(&self, pattern: Pattern) -> (Initiator, Vec<u8>) {
        let (client, ephemeral) = (self.client.clone(), self.client_ephemeral.clone());
        match pattern {
            Pattern::Xx => Initiator::xx(client, ephemeral),
            _ => Initiator::ik(client, ephemeral, &self.cached(), PAYLOAD).unwrap(),
        }
    }

    /// A server that answers so that `pattern` comes about.
    pub(super) fn responder(&self, pattern: Pattern) -> Responder {
        Responder::new(self.server.clone(), self.chain.clone()).with_resumption(match pattern {
            Pattern::XxFallback => Resumption::FallBack,
            _ => Resumption::AcceptOnly,
        })
    }

    pub(super) fn answer(&self, pattern: Pattern, client_hello: &[u8]) -> Result<Reply, HandshakeError> {
        let answered =
            self.responder(pattern).read_client_hello(client_hello, self.server_ephemeral.clone())?;
        Ok(match answered {
            Answered::AwaitClientFinish { server_hello, awaiting } => {
                Reply(server_hello, Next::Awaits(awaiting))
            }
            Answered::Arrived { server_hello, arrived } => Reply(server_hello, Next::Arrived(arrived)),
        })
    }

    pub(super) fn read(
        &self,
        client: &Initiator,
        server_hello: &[u8],
    ) -> Result<Established, HandshakeError> {
        client.read_server_hello(server_hello, &self.trust, NOW, PAYLOAD)
    }

    /// A whole handshake; `alter` sees each message by its number before it arrives.
    pub(super) fn meet(
        &self,
        pattern: Pattern,
        mut alter: impl FnMut(usize, &mut Vec<u8>),
    ) -> Result<(Established, Arrived), HandshakeError> {
        let (client, mut client_hello) = self.initiator(pattern);
        alter(0, &mut client_hello);
        let Reply(mut server_hello, next) = self.answer(pattern, &client_hello)?;
        alter(1, &mut server_hello);
        let mut done = self.read(&client, &server_hello)?;
        match (next, &mut done.client_finish) {
            (Next::Arrived(arrived), None) => Ok((done, *arrived)),
            (Next::Awaits(awaiting), Some(client_finish)) => {
                alter(2, client_finish);
                let arrived = awaiting.read_client_finish(client_finish)?;
                Ok((done, arrived))
            }
            (Next::Arrived(_), Some(_)) | (Next::Awaits(_), None) => {
                panic!("the sides disagree on the pattern")
            }
        }
    }
}

/// A ServerHello, and what the server waits for then.
pub(super) struct Reply(pub(super) Vec<u8>, pub(super) Next);

pub(super) enum Next {
    Awaits(AwaitClientFinish),
    Arrived(Box<Arrived>),
}

const PATTERNS: [Pattern; 3] = [Pattern::Xx, Pattern::Ik, Pattern::XxFallback];

#[test]
fn any_altered_byte_of_any_handshake_message_ends_it() {
    let sides = Sides::fixed();
    for pattern in PATTERNS {
        let mut lengths = Vec::new();
        sides.meet(pattern, |_, message| lengths.push(message.len())).unwrap();
        for (number, length) in lengths.into_iter().enumerate() {
            for index in 0..length {
                let bit = 1 << (index % 8);
                let met = sides.meet(pattern, |at, message| {
                    if at == number {
                        message[index] ^= bit;
                    }
                });
                let ignored = pattern == Pattern::XxFallback && number == 0;
                assert!(met.is_err() || ignored, "{pattern:?}: message {number}, byte {index}, bit {bit:#x}");
            }
        }
    }
}

#[test]
fn a_refused_ik_binds_only_its_ephemeral_key() {
    let sides = Sides::fixed();
    let mut length = 0;
    sides.meet(Pattern::XxFallback, |_, message| length = length.max(message.len())).unwrap();
    let failed = |index: usize| {
        let met = sides.meet(Pattern::XxFallback, |at, message| {
            if at == 0 && index < message.len() {
                message[index] ^= 0x80;
            }
        });
        met.is_err()
    };
    // 12 LL 0a 20, then the key: field headers and key matter, the ciphertexts that nobody reads do not.
    assert!((0..36).all(failed));
    assert!(!failed(40) && !failed(100));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_keys_meet_over_any_split_of_the_streams(
        seeds in prop::array::uniform6(any::<[u8; 32]>()),
        routing in prop::option::of(prop::collection::vec(any::<u8>(), 1..40)),
        cut in 1usize..90,
        which in 0usize..3,
    ) {
        let sides = Sides::new(seeds);
        let pattern = PATTERNS[which];
        let (client, client_hello) = sides.initiator(pattern);
        let mut upward = frame::intro(routing.as_deref());
        upward.extend(framed(&client_hello));
        let mut server = ServerStream::default();
        for chunk in upward.chunks(cut) {
            server.push(chunk);
        }
        prop_assert_eq!(server.routing.take(), Some(routing));
        let Reply(server_hello, next) = sides.answer(pattern, &server.frames.remove(0)).unwrap();
        let mut done = sides.read(&client, &server_hello).unwrap();
        prop_assert_eq!(done.pattern, pattern);
        prop_assert_eq!(done.chain, sides.cached());

        let mut upward = done.client_finish.as_deref().map(framed).unwrap_or_default();
        done.transport.sealer.seal_into(b"first", &mut upward).unwrap();
        done.transport.sealer.seal_into(b"second", &mut upward).unwrap();
        for chunk in upward.chunks(cut) {
            server.push(chunk);
        }
        let mut arrived = match next {
            Next::Arrived(arrived) => *arrived,
            Next::Awaits(awaiting) => awaiting.read_client_finish(&server.frames.remove(0)).unwrap(),
        };
        prop_assert_eq!(&arrived.payload, PAYLOAD);
        prop_assert_eq!(arrived.identity, sides.client.public);
        for text in ["first", "second"] {
            let mut body = server.frames.remove(0);
            prop_assert_eq!(&*arrived.transport.opener.open_in_place(&mut body).unwrap(), text.as_bytes());
        }
        let mut downward = Vec::new();
        arrived.transport.sealer.seal_into(b"answer", &mut downward).unwrap();
        prop_assert_eq!(&*done.transport.opener.open_in_place(&mut downward[3..]).unwrap(), b"answer");
    }

    #[test]
    fn only_the_next_frame_unaltered_opens(
        texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 2..6),
        at in any::<prop::sample::Index>(),
        with in any::<prop::sample::Index>(),
        byte in any::<prop::sample::Index>(),
        flip in 1u8..,
        swap in any::<bool>(),
    ) {
        let key = Secret::new([7; 32]);
        let (mut sealer, mut opener) = (Sealer::new(&key), Opener::new(&key));
        let mut bodies: Vec<_> = texts.iter().map(|text| {
            let mut out = Vec::new();
            sealer.seal_into(text, &mut out).unwrap();
            out.split_off(3)
        }).collect();
        let mut refused = at.index(bodies.len());
        if swap {
            let other = with.index(bodies.len());
            prop_assume!(other != refused);
            bodies.swap(refused, other);
            refused = refused.min(other);
        } else {
            let byte = byte.index(bodies[refused].len());
            bodies[refused][byte] ^= flip;
        }
        for (index, body) in bodies.iter_mut().enumerate() {
            let opened = opener.open_in_place(body).map(|plain| plain.to_vec());
            if index < refused {
                prop_assert_eq!(opened.as_ref(), Ok(&texts[index]));
            } else {
                prop_assert_eq!(opened, Err(NoiseError::Aead));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_bytes_end_in_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        refuse(&bytes)?;
        let _ = IntroReader::default().read(&mut &*bytes);
        prop_assert!(Trust::default().verify(&bytes, &PublicKey::new([9; 32]), NOW).is_err());
        let mut body = bytes;
        prop_assert!(Opener::new(&Secret::new([7; 32])).open_in_place(&mut body).is_err());
    }

    #[test]
    fn arbitrary_parts_end_in_an_error(
        [first, second, third] in prop::array::uniform3(prop::option::of(part())),
        which in 0u8..3,
    ) {
        let mut message = HandshakeMessage::default();
        let (ephemeral, identity, payload) = (first, second, third);
        match which {
            0 => message.client_hello =
                Some(ClientHello { ephemeral, r#static: identity, payload, ..ClientHello::default() }),
            1 => message.server_hello =
                Some(ServerHello { ephemeral, r#static: identity, payload, ..ServerHello::default() }),
            _ => message.client_finish =
                Some(ClientFinish { r#static: identity, payload, ..ClientFinish::default() }),
        }
        refuse(&message.encode_to_vec())?;
    }
}

/// A part of about the right length.
fn part() -> impl Strategy<Value = bytes::Bytes> {
    prop_oneof![Just(0usize), 31usize..34, 47usize..50, 0usize..70]
        .prop_flat_map(|length| prop::collection::vec(any::<u8>(), length))
        .prop_map(bytes::Bytes::from)
}

/// No role gets to transport mode with this message, whatever it waits for.
fn refuse(message: &[u8]) -> Result<(), TestCaseError> {
    let sides = Sides::fixed();
    for pattern in [Pattern::Xx, Pattern::Ik] {
        let (client, client_hello) = sides.initiator(pattern);
        prop_assert!(sides.read(&client, message).is_err());
        if let Ok(Reply(_, Next::Awaits(awaiting))) = sides.answer(pattern, &client_hello) {
            prop_assert!(awaiting.read_client_finish(message).is_err());
        }
    }
    for pattern in PATTERNS {
        let answered = sides.answer(pattern, message);
        prop_assert!(!matches!(answered, Ok(Reply(_, Next::Arrived(_)))));
    }
    Ok(())
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&frame::header(body.len()).unwrap(), body].concat()
}

/// The server's end of the byte stream: intro, then frames.
#[derive(Default)]
struct ServerStream {
    intro: IntroReader,
    buffer: FrameBuffer,
    routing: Option<Option<Vec<u8>>>,
    frames: Vec<Vec<u8>>,
    past_intro: bool,
}

impl ServerStream {
    fn push(&mut self, mut chunk: &[u8]) {
        if !self.past_intro {
            let Some(intro) = self.intro.read(&mut chunk).unwrap() else { return };
            self.routing = Some(intro.routing_info);
            self.past_intro = true;
        }
        self.buffer.push(chunk).unwrap();
        while let Some(frame) = self.buffer.next_frame() {
            self.frames.push(frame.to_vec());
        }
    }
}
