//! `Debug` for records that hold keys or plaintext: the name of the record and nothing of what is in it.

use core::fmt;

use crate::records;

macro_rules! redacted {
    ($($record:ident),* $(,)?) => {$(
        impl fmt::Debug for records::$record {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($record)).finish_non_exhaustive()
            }
        }
    )*};
}

redacted!(
    AppStateKey,
    Credentials,
    InboxEntry,
    MessageSecret,
    OutboxEntry,
    PreKey,
    PrivacyToken,
    ReceivedEntry,
    ReceivingChain,
    SenderKeyRecord,
    SenderKeyState,
    SendingChain,
    SentMessage,
    Session,
    SessionRecord,
    SignedPreKey,
    SkippedKey,
    TokenSalt,
);

#[cfg(test)]
mod tests {
    use alloc::format;

    use bytes::Bytes;

    use crate::records::MessageSecret;

    #[test]
    fn debug_of_a_secret_record_shows_its_name_only() {
        let record = MessageSecret { secret: Some(Bytes::from_static(&[0xab; 32])), unix_s: None };
        assert_eq!(format!("{record:?}"), "MessageSecret { .. }");
    }
}
