//! Every timer of a client: who owns it, when it fires, what it does.
//!
//! There is no wait without a row here. Deadlines are on the monotonic clock.

use crate::engine::RequestId;

/// A timer; at most one of each runs at a time, arming it again moves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Timer {
    /// Link: the adapter has not connected in time.
    Connect,
    /// Link: the server has not finished the Noise handshake and login in time.
    Handshake,
    /// Link: the back-off is over, dial again.
    Reconnect,
    /// Link: the connection lived long enough that the back-off starts from the beginning.
    Stable,
    /// Link: time to ping the server.
    KeepAlive,
    /// Link: nothing came for too long, the connection is dead.
    Silence,
    /// Pairing: show the next QR code.
    QrRotate,
    /// Pairing: the link code is too old, or the phone that used it was not heard of again.
    LinkCode,
    /// Pairing: nobody went on with the passkey.
    Passkey,
    /// Pairing: the server did not close after pair-success; restart on our own.
    PairRestart,
    /// Link: the server has not said that the offline queue is delivered; sends wait for that.
    OfflineEnd,
    /// Link: the server said that it closes, but has not.
    Linger,
    /// Directory: try the prekey upload again.
    PrekeyUpload,
    /// Directory: look at the age of the signed prekey, or tell the server of a new one again.
    SignedPreKey,
    /// Messaging: look again at sends that wait for something.
    Outbox,
    /// Messaging: more retry receipts may be written; messages that were left with the server for that are fetched.
    Retries,
    /// Messaging: ask the phone for messages that nobody else sends.
    Placeholders,
    /// Contacts: somebody who was writing has not said for too long that they still are.
    ChatStates,
    /// Messaging: drop expired dedupe marks and sent messages.
    Prune,
    /// A request to the server got no answer in time.
    Request(RequestId),
}
