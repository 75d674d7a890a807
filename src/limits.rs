//! Every bound of the core, one line each, grouped by layer.

// wire

/// Largest body of a transport frame, in bytes: the length before it has three bytes.
pub const FRAME_BYTES_MAX: usize = (1 << 24) - 1;

/// Largest plaintext of a transport frame, in bytes: a frame body without its 16-byte authentication tag.
pub const PLAINTEXT_BYTES_MAX: usize = FRAME_BYTES_MAX - 16;

/// Most bytes that may wait unread in a frame buffer: one whole frame and one WebSocket message of 16 MiB.
pub const FRAME_BUFFER_BYTES_MAX: usize = 3 + FRAME_BYTES_MAX + (16 << 20);

/// Longest routing info that fits the three-byte length of the connection intro, in bytes.
pub const ROUTING_INFO_BYTES_MAX: usize = 0xff_ffff;

/// Most levels of nodes in one stanza; the root is level 1.
pub const NODE_DEPTH_MAX: usize = 128;

/// Most nodes, attributes and scalar contents in one stanza, together.
pub const NODE_ENTRIES_MAX: usize = 1 << 20;

/// Most attributes of one node: the list header counts tag, keys and values in 16 bits.
pub const NODE_ATTRIBUTES_MAX: usize = 32_767;

/// Most children of one node: the list header has 16 bits.
pub const NODE_CHILDREN_MAX: usize = 65_535;

/// Largest payload of a compressed frame once inflated, in bytes.
pub const INFLATED_BYTES_MAX: usize = 16 << 20;

/// Most characters that an encoder packs two to a byte.
pub const PACKED_CHARS_MAX: usize = 127;

// signal

/// Furthest that one message may move a receiving chain forward, in skipped messages.
pub const SIGNAL_JUMP_MAX: u32 = 25_000;

/// Most skipped message keys kept per receiving chain; the oldest go first.
pub const SKIPPED_KEYS_MAX: usize = 2_000;

/// Most receiving chains kept per session; the oldest go first.
pub const RECEIVING_CHAINS_MAX: usize = 5;

/// Most archived sessions kept per peer device; the oldest go first.
pub const ARCHIVED_SESSIONS_MAX: usize = 40;

/// Largest prekey id: ids are three bytes, and the counter starts again at 1 after it.
pub const PREKEY_ID_MAX: u32 = 16_777_215;

/// Largest registration id that we give ourselves; peers may have any.
pub const REGISTRATION_ID_MAX: u32 = 16_380;

// link

/// Longest wait before dialing again, in seconds.
pub const BACKOFF_MAX_S: u64 = 900;

/// Shortest time between two pings, in seconds.
pub const KEEPALIVE_MIN_S: u64 = 20;

/// Longest time between two pings, in seconds.
pub const KEEPALIVE_MAX_S: u64 = 30;

/// How long the server may stay silent after a ping, in seconds.
pub const SILENCE_LIMIT_S: u64 = 20;

/// Bytes of an ephemeral key that is wrapped under a link code: salt, counter block, key.
pub const LINK_CODE_WRAPPED_BYTES: usize = 80;

/// Bytes of a wrapped link-code bundle: salt, nonce, two identities and a secret, tag.
pub const LINK_CODE_BUNDLE_BYTES: usize = 156;

/// Most times that phones may use one link code before it is given up.
pub const LINK_CODE_HELLOS_MAX: u32 = 3;

/// Most QR references that are taken from one offer; servers give six.
pub const QR_REFERENCES_MAX: usize = 16;
