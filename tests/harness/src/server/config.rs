//! The server's settings. Reference 14 §4.

use core::time::Duration;

/// What can be chosen about a simulated server. `Default` suits both tests and `serve`.
#[derive(Clone, Debug)]
pub struct Config {
    /// Private key of the certificate root, or `None` to draw one from the seed.
    pub root: Option<[u8; 32]>,
    /// Which device number the first client of an account gets.
    pub first_device: FirstDevice,
    /// How the offline backlog is handed out.
    pub offline: OfflineMode,
    /// HMAC key of pair-success for pairings that no QR code started.
    pub adv_secret: Option<[u8; 32]>,
    /// Scans the first QR code of every registration after this time.
    pub auto_pair: Option<Duration>,
    /// Most companions of one account; further links are refused with status 403.
    pub max_companions: usize,
    /// Sends the history bootstrap and the app-state key share at the first login of a device.
    pub welcome: bool,
    /// Wants a passkey before a phone links a companion. Default: no.
    pub passkey: bool,
    /// How long a chat state for an offline device is kept.
    pub chat_state_ttl: Duration,
    /// Message keys remembered per sending device, to notice when one serves twice; `None`, as by default: all.
    pub keys_remembered: Option<usize>,
    /// Whether a message that comes again under its id must be a copy, unless a device asked for it. Our own
    /// client promises that, others do not; and every message is remembered for it. Default: yes.
    pub copies_only: bool,
    /// Most members of a group.
    pub group_size: usize,
    /// Receipts of group messages come in the form that servers use for large groups: the readers below each
    /// message, without `participant`. Real clients do not all read it. Default: no.
    pub grouped_receipts: bool,
    /// How long a connected device may take to close a stanza before that counts as a violation.
    pub ack_patience: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            root: None,
            first_device: FirstDevice::Auto,
            offline: OfflineMode::Push,
            adv_secret: None,
            auto_pair: None,
            max_companions: 1000,
            welcome: true,
            passkey: false,
            chat_state_ttl: Duration::from_secs(30),
            keys_remembered: None,
            copies_only: true,
            group_size: 1024,
            grouped_receipts: false,
            ack_patience: Duration::from_secs(60),
        }
    }
}

/// The layout of an account's devices, fixed when the account is created. Reference 14 §6.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstDevice {
    /// The first client is device 0, in the phone's place: a compatibility layout for one published suite.
    Zero,
    /// The phone is device 0, clients count from 1: as real accounts are.
    One,
    /// `Zero` for registrations whose operating system is `rust`, otherwise `One`.
    Auto,
}

/// How a device gets what was queued while it was away. Reference 14 §7.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfflineMode {
    /// Everything at once.
    Push,
    /// Five stanzas, then as many as each `<offline_batch>` asks for.
    Pull,
}
