//! The list of all operations. One line each: struct, name, output.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use super::operation::{CallId, Operate, Start};
use crate::calls::RejectCall;
use crate::contacts::{Addresses, ContactAddresses, SendChatState, SubscribePresence, UnsubscribePresence};
use crate::engine::{Stop, Turn};
use crate::groups::{GroupInfo, GroupMetadata};
use crate::link::{
    Connect, Disconnect, Logout, PairCode, PasskeyConfirm, PasskeyResponse, Relink, SetAvailable, ShownCode,
};
use crate::messaging::{MarkPlayed, MarkRead, SendMessage, Sent};
use crate::newsletters::MarkViewed;

macro_rules! registry {
    ($($variant:ident = $name:literal -> $output:ty;)*) => {
        /// Any operation, as it stands in a recording or on a command line.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "name", content = "args")]
        #[non_exhaustive]
        pub enum Operation {
            $(
                #[doc = concat!("`", $name, "`")]
                #[serde(rename = $name)]
                $variant($variant),
            )*
        }

        /// The answer of the operation of the same name.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "name", content = "output")]
        #[non_exhaustive]
        pub enum Answer {
            $(
                #[doc = concat!("of `", $name, "`")]
                #[serde(rename = $name)]
                $variant($output),
            )*
        }

        /// The names of all operations, in the order of the list.
        pub const NAMES: &[&str] = &[$($name),*];

        impl Operation {
            /// The stable name.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }

            pub(crate) fn start(&self, cx: &mut Turn<'_>, call: CallId) -> Result<(), Stop> {
                match self { $(Self::$variant(operation) => operation.start(cx, call),)* }
            }
        }

        $(
            impl From<$variant> for Operation {
                fn from(operation: $variant) -> Self {
                    Self::$variant(operation)
                }
            }

            impl Operate for $variant {
                const NAME: &'static str = $name;
                type Output = $output;

                fn output(answer: Answer) -> Option<Self::Output> {
                    match answer {
                        Answer::$variant(output) => Some(output),
                        _ => None,
                    }
                }
            }
        )*
    };
}

registry! {
    SendMessage = "message.send" -> Sent;
    MarkRead = "message.mark_read" -> ();
    MarkPlayed = "message.mark_played" -> ();
    MarkViewed = "newsletter.mark_viewed" -> ();
    SetAvailable = "presence.set" -> ();
    SubscribePresence = "presence.subscribe" -> ();
    UnsubscribePresence = "presence.unsubscribe" -> ();
    SendChatState = "chat.state" -> ();
    ContactAddresses = "contact.addresses" -> Addresses;
    RejectCall = "call.reject" -> ();
    GroupInfo = "group.info" -> Box<GroupMetadata>;
    Connect = "link.connect" -> ();
    Disconnect = "link.disconnect" -> ();
    Logout = "link.logout" -> ();
    Relink = "link.relink" -> ();
    PairCode = "link.pair_code" -> ShownCode;
    PasskeyResponse = "link.passkey_response" -> ();
    PasskeyConfirm = "link.passkey_confirm" -> ();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_have_a_domain() {
        for (index, name) in NAMES.iter().enumerate() {
            assert!(name.contains('.'), "{name}");
            assert!(!NAMES[..index].contains(name), "{name}");
        }
    }
}
