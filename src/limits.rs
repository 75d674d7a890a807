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

/// Furthest that one message may move a receiving chain or a sender key forward, in skipped messages.
pub const SIGNAL_JUMP_MAX: u32 = 25_000;

/// Most skipped message keys kept per receiving chain and per sender key; the oldest go first.
pub const SKIPPED_KEYS_MAX: usize = 2_000;

/// Most receiving chains kept per session; the oldest go first.
pub const RECEIVING_CHAINS_MAX: usize = 5;

/// Most archived sessions kept per peer device; the oldest go first.
pub const ARCHIVED_SESSIONS_MAX: usize = 40;

/// Most sender keys kept per member of a group; the oldest go first.
pub const SENDER_KEY_STATES_MAX: usize = 5;

/// Largest prekey id: ids are three bytes, and the counter starts again at 1 after it.
pub const PREKEY_ID_MAX: u32 = 16_777_215;

/// Largest registration id that we give ourselves; peers may have any.
pub const REGISTRATION_ID_MAX: u32 = 16_380;

// config

/// Longest time that an option can set, in seconds.
pub const OPTION_SECONDS_MAX: u64 = 3_600;

/// Most entries of an option that is a list.
pub const OPTION_ENTRIES_MAX: usize = 1_024;

/// Most times that an option can have a message written to connections that do not ack it.
pub const SEND_TRIES_MAX: u32 = 10;

/// Longest time that an option can let a signed prekey stay, in days.
pub const SIGNED_PREKEY_DAYS_MAX: u32 = 365;

// link

/// Shortest wait before dialing again, in seconds; a tenth less at most.
pub const BACKOFF_FIRST_S: u64 = 1;

/// Longest wait before dialing again, in seconds.
pub const BACKOFF_MAX_S: u64 = 900;

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
// link, timers

/// How long the adapter may take to connect, in seconds. Reference 01 §14.
pub const CONNECT_LIMIT_S: u64 = 20;

/// How long the handshake and the answer to the login may take, in seconds. Reference 01 §14.
pub const HANDSHAKE_LIMIT_S: u64 = 20;

/// How long the server may take to answer an iq, in seconds. Reference 01 §14.
pub const IQ_LIMIT_S: u64 = 75;

/// How long the server may take to confirm a logout, in seconds. Reference 01 §14.
pub const LOGOUT_LIMIT_S: u64 = 3;

/// How long the server may take to close after it said that it would, in seconds.
pub const LINGER_LIMIT_S: u64 = 10;

/// How long the first QR code is valid, in seconds. Reference 02 §2.3.
pub const QR_FIRST_S: u32 = 60;

/// How long each later QR code is valid, in seconds. Reference 02 §2.3.
pub const QR_NEXT_S: u32 = 20;

/// How long the server may take to answer either half of a link code, in seconds. Reference 02 §3.3.
pub const LINK_CODE_ANSWER_S: u64 = 30;

/// How long a phone that has used a link code, or seen a passkey's code, may take to link, in seconds.
/// Reference 02 §3.3.
pub const LINK_CODE_PAIR_S: u64 = 60;

/// How long linking with a passkey may take, from the server's request to the comparison of codes, in seconds.
pub const PASSKEY_LIMIT_S: u64 = 300;

/// Records removed in one turn when a device that was unlinked is made ready for another pairing.
pub const RELINK_ROWS: u32 = 512;

/// How long the server may take to restart the connection after pairing, in seconds.
pub const PAIR_RESTART_S: u64 = 10;

/// How long sends wait for the end of the offline queue, in seconds. Reference 01 §14.
pub const OFFLINE_LIMIT_S: u64 = 60;

/// Stanzas of the offline queue asked for at a time. Reference 01 §10.
pub const OFFLINE_BATCH: u32 = 100;

// history

/// Bytes of history inside its notification, inflated.
pub const HISTORY_INFLATED_BYTES: usize = 16 << 20;

/// Pairs of names, and chats with tokens, that are taken from one notification.
pub const HISTORY_PAIRS: usize = 4096;

// directory

/// Length of the buckets in which privacy tokens age, in seconds. Reference 05 §11.
pub const TOKEN_BUCKET_S: u64 = 604_800;

/// Buckets, counting the present one, in which a privacy token holds. Reference 05 §11.
pub const TOKEN_BUCKETS: u64 = 4;

/// Bytes of a privacy token that is kept; servers give a few dozen.
pub const TOKEN_BYTES: usize = 1024;

/// Contacts that are given a privacy token at a time; the next message to others tries again.
pub const TOKENS_IN_FLIGHT: usize = 64;

/// One-time prekeys of the first upload. Reference 04 §9.
pub const PREKEYS_FIRST: u32 = 812;

/// One-time prekeys of later uploads. Reference 04 §9.
pub const PREKEYS_TOP_UP: u32 = 50;

/// Prekey ids left out when an older copy of the storage was put back: more than were handed out since.
pub const PREKEYS_SKIPPED: u32 = 65_536;

/// More are uploaded when the server has fewer than this. Reference 04 §9.
pub const PREKEYS_LOW: u64 = 5;

/// Wait before a failed upload is tried again, in seconds.
pub const PREKEY_RETRY_S: u64 = 60;

/// How long a signed prekey serves before another takes its place, in days. Reference 01 §9.3.
pub const SIGNED_PREKEY_DAYS: u32 = 7;

/// How long a signed prekey that was replaced can still be used by messages under way, in days. Reference 04 §9.1.
pub const SIGNED_PREKEY_KEPT_DAYS: u64 = 30;

/// Most signed prekeys that are kept after they were replaced; the oldest go first.
pub const SIGNED_PREKEYS_KEPT: usize = 32;

/// Wait before the server is told again of a new signed prekey, in seconds.
pub const ROTATION_RETRY_S: u64 = 3_600;

/// Longest time between two looks at the age of the signed prekey, in seconds: clocks are set, machines sleep.
pub const ROTATION_LOOK_S: u64 = 86_400;

/// Most one-time prekeys in the server's digest of what it has of ours; it is not read beyond.
pub const DIGEST_PREKEYS: usize = 8_192;

/// Devices kept per user.
pub const DEVICES_PER_USER: usize = 128;

/// Devices of a group that are remembered as having our sender key; those beyond get it with each message.
pub const HOLDERS_MAX: usize = 16_384;

/// Groups looked at in one turn when a contact was set up anew.
pub const SHARED_GROUPS_PER_SCAN: u32 = 512;

/// Users in one query for device lists.
pub const USERS_PER_QUERY: usize = 512;

/// Devices in one query for bundles. Reference 04 §10.
pub const BUNDLES_PER_QUERY: usize = 50;

/// How long a device without a usable bundle is left out, in seconds.
pub const UNREACHABLE_S: u64 = 300;

// groups

/// Members of a group that are kept; the announcement groups of communities are the largest.
pub const GROUP_MEMBERS: usize = 8_192;

/// Groups forgotten in one turn when the server says that something about groups was not told.
pub const GROUPS_PER_SWEEP: u32 = 256;

/// Bytes kept of a name, a description or a word about a group.
pub const GROUP_TEXT_BYTES: usize = 16_384;

/// Changes read from one notification about a group; real ones have one or two.
pub const GROUP_CHANGES: usize = 32;

/// Groups read from one change of links.
pub const GROUP_LINKS: usize = 256;

// records

/// Bytes of records that an account keeps in memory once it is idle, whatever its budget when busy.
pub const CACHE_IDLE_BYTES: usize = 16 << 10;

// content

/// Levels of wrappers, and of messages inside of messages, that are looked into. Reference 06 §9.
pub const MESSAGE_NESTING: usize = 8;

/// Users, and groups, that one message may mention.
pub const MENTIONS_PER_MESSAGE: usize = 1_024;

/// Fewest options of a poll. Reference 06 §4.4.
pub const POLL_OPTIONS_MIN: usize = 2;

/// Most options of a poll, and most that one vote chooses. Reference 06 §4.4.
pub const POLL_OPTIONS_MAX: usize = 12;

/// Contact cards in one message.
pub const CONTACTS_PER_MESSAGE: usize = 257;

/// Pictures and videos in one album.
pub const ALBUM_PARTS: u32 = 100;

/// Bytes of the waveform of a voice message. Reference 06 §4.3.
pub const WAVEFORM_BYTES: usize = 64;

/// Stickers in one pack. Reference 06 §4.3.
pub const STICKERS_PER_PACK: usize = 60;

/// Bytes of the id of a sticker pack. Reference 06 §4.3.
pub const STICKER_PACK_ID_BYTES: usize = 128;

/// Characters of a member's label. Reference 06 §4.2.
pub const MEMBER_LABEL_CHARS: usize = 30;

/// Buttons under one text.
pub const BUTTONS_PER_MESSAGE: usize = 10;

/// Rows of one list, over all its sections.
pub const LIST_ROWS: usize = 100;

/// Participants of a call that are read from its log.
pub const CALL_PARTICIPANTS: usize = 256;

/// Parts of a bot's answer that are read.
pub const BOT_ANSWER_PARTS: usize = 256;

/// How long a message may be pinned, in seconds; the first is for pins that do not say. Reference 06 §4.2.
pub const PIN_DURATIONS_S: [u32; 3] = [86_400, 604_800, 2_592_000];

// messaging

/// Calls and other work waiting in one client.
pub const QUEUED_CALLS: usize = 10_000;

/// Messages in the outbox.
pub const OUTBOX_MESSAGES: usize = 10_000;

/// Sent messages kept for retry receipts.
pub const SENT_MESSAGES: u64 = 4_096;

/// Events kept until the application confirms them; beyond, nothing more is taken from the server.
pub const INBOX_EVENTS: u32 = 10_000;

/// Bytes of text in one message.
pub const MESSAGE_TEXT_BYTES: usize = 65_536;

/// Bytes of a message id that the application chose.
pub const MESSAGE_ID_BYTES: usize = 128;

/// Devices that get our sender key with one message; the others get it with the next.
pub const SHARES_PER_MESSAGE: usize = 4_096;

/// Messages under one sender key of ours; then a new one is made. Reference 05 §5.2.
pub const SENDER_KEY_MESSAGES: u32 = 1_000;

/// Users who may see a status.
pub const AUDIENCE_MAX: usize = 8_192;

/// How long the server may take to ack a message, in seconds. Reference 05 §9.
pub const ACK_LIMIT_S: u64 = 75;

/// Times that a message is written to connections that live on without acking it.
pub const SEND_TRIES: u32 = 3;

/// Ciphertexts looked at in one message: real ones have a pairwise and a group one.
pub const ENCS_PER_MESSAGE: usize = 4;

/// Retry receipts per message, sent and answered. Reference 04 §12.
pub const RETRY_RECEIPTS: u32 = 5;

/// Retry receipts written in one window of [`RETRY_WINDOW_S`]; messages beyond stay with the server.
pub const RETRIES_PER_WINDOW: u32 = 256;

/// The part of them that one user's messages may use up.
pub const RETRIES_PER_SENDER: u32 = 64;

/// How long a window of retry receipts lasts, in seconds, from the first one on.
pub const RETRY_WINDOW_S: u64 = 300;

/// Resends that wait for a bundle.
pub const PENDING_RESENDS: usize = 256;

/// Message ids read from one receipt, and written into one.
pub const RECEIPT_IDS: usize = 256;

/// Devices whose receipts are reported, per message.
pub const RECEIPT_MARKS: u32 = 4_096;

/// Users read from one receipt of a group.
pub const RECEIPT_USERS: usize = 1_024;

/// Attributes of `<meta>` that are read.
pub const META_ATTRIBUTES: usize = 32;

/// How old a status may be to be asked for again, in seconds. Reference 07 §3.7.
pub const STATUS_LIFETIME_S: u64 = 86_400;

/// How old a message may be for the phone to be asked for it, in seconds. Reference 07 §3.8.
pub const PLACEHOLDER_AGE_S: u64 = 1_209_600;

/// How long to wait for a message before the phone is asked for it, in seconds. Reference 07 §4.5.
pub const PLACEHOLDER_WAIT_S: u64 = 2;

/// How long the sender of an unreadable message has to send it again before the phone is asked for it, in seconds.
/// Reference 05 §8.
pub const PLACEHOLDER_AFTER_RETRY_S: u64 = 5;

/// Messages that the phone is to send again, at most.
pub const PLACEHOLDERS: usize = 1_024;

/// Messages that the phone is asked for at a time, and that are taken from one answer.
pub const PLACEHOLDERS_PER_REQUEST: usize = 32;

/// Children read from one notification.
pub const NOTIFICATION_ITEMS: usize = 256;

/// Posts read from one notification of a channel.
pub const POSTS_PER_NOTIFICATION: usize = 256;

/// Reactions read from one post of a channel.
pub const REACTIONS_PER_POST: usize = 256;

/// Bytes of JSON that the server may push at a time.
pub const MEX_BYTES: usize = 1 << 20;

/// Privacy settings kept.
pub const PRIVACY_CATEGORIES: usize = 64;

/// Blocked users kept.
pub const BLOCKED_USERS: usize = 10_000;

/// People whose presence is asked for.
pub const PRESENCE_SUBSCRIPTIONS: usize = 4_096;

/// How long somebody counts as writing who does not say that they still do, in seconds. Reference 08 §7.
pub const CHAT_STATE_S: u64 = 25;

/// People that write at the same time whose end is watched for; of more it is told only when they say so.
pub const CHAT_STATES: usize = 1_024;

/// Bytes in the names of somebody who writes and of where, so that their end is watched for.
pub const CHAT_STATE_BYTES: usize = 256;

/// Calls that ring at a time.
pub const CALLS_REMEMBERED: usize = 64;

/// How long the offer of a call is remembered, in seconds. Reference 08 §8.
pub const CALL_REMEMBERED_S: u64 = 300;

/// Keys of the application state taken from one message.
pub const APP_STATE_KEYS_PER_SHARE: usize = 256;

/// How long the secret of a message is kept for votes, answers and edits, in weeks.
pub const SECRET_WEEKS: u32 = 52;

/// Weeks for which a shown message is remembered, the current one included.
pub const SHOWN_WEEKS: u32 = 3;

/// Old marks looked at in one turn.
pub const PRUNED_MARKS: u32 = 512;

/// Time between looks for old marks, in seconds.
pub const PRUNE_EVERY_S: u64 = 3_600;
