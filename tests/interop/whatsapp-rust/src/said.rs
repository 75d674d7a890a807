//! What a message says, in one form for both sides, so that what one sent can be compared with what the other shows.

use serde_json::Value;
use whatsapp_rust::prelude::{MessageExt as _, wa};
use whatsapp_rust::wacore::poll::compute_option_hash;

use crate::Outcome;

/// One message. Ids are those of the message that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Text(String),
    /// An empty emoji takes the reaction back.
    Reaction {
        to: String,
        emoji: String,
    },
    Edit {
        of: String,
        text: String,
    },
    Revoke {
        of: String,
    },
    Poll {
        name: String,
        options: Vec<String>,
    },
    /// What was chosen is sealed, and is read apart; `id` is that of the vote itself, for many vote in one poll.
    Vote {
        id: String,
        poll: String,
    },
}

impl Said {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// As whatsapp-rust shows it; `None` for what nobody said, as keys handed out.
    pub(crate) fn by_theirs(own_id: &str, message: &wa::Message) -> Option<Self> {
        let message = message.get_base_message();
        if let Some(reaction) = message.reaction_message.as_option() {
            let emoji = reaction.text.clone().unwrap_or_default();
            return Some(Self::Reaction { to: id(reaction.key.as_option())?, emoji });
        }
        if let Some(protocol) = message.protocol_message.as_option() {
            let of = id(protocol.key.as_option())?;
            return match protocol.r#type? {
                wa::message::protocol_message::Type::REVOKE => Some(Self::Revoke { of }),
                wa::message::protocol_message::Type::MESSAGE_EDIT => {
                    let text = protocol.edited_message.as_option()?.text_content()?.to_owned();
                    Some(Self::Edit { of, text })
                }
                _ => None,
            };
        }
        if let Some(vote) = message.poll_update_message.as_option() {
            let poll = id(vote.poll_creation_message_key.as_option())?;
            return Some(Self::Vote { id: own_id.to_owned(), poll });
        }
        let polls = [&message.poll_creation_message, &message.poll_creation_message_v3];
        if let Some(poll) = polls.iter().find_map(|poll| poll.as_option()) {
            let options = poll.options.iter().filter_map(|option| option.option_name.clone()).collect();
            return Some(Self::Poll { name: poll.name.clone()?, options });
        }
        Some(Self::Text(message.text_content()?.to_owned()))
    }

    /// As an event of ours shows it.
    pub(crate) fn by_ours(event: &Value) -> Option<Self> {
        let message = &event["event"]["message"];
        let (kind, said) = message["content"].as_object()?.iter().next()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Some(match kind.as_str() {
            "text" => Self::Text(text(&said["body"])?),
            "reaction" => Self::Reaction {
                to: text(&said["to"]["id"])?,
                emoji: text(&said["emoji"]).unwrap_or_default(),
            },
            "edit" => {
                Self::Edit { of: text(&said["of"]["id"])?, text: text(&said["content"]["text"]["body"])? }
            }
            "revoke" => Self::Revoke { of: text(&said["of"]["id"])? },
            "poll" => Self::Poll {
                name: text(&said["name"])?,
                options: said["options"].as_array()?.iter().filter_map(text).collect(),
            },
            "poll_vote" => Self::Vote { id: text(&message["id"])?, poll: text(&said["poll"]["id"])? },
            _ => return None,
        })
    }
}

/// Is it a vote in this poll?
pub(crate) fn is_vote(said: &Said, wanted: &str) -> bool {
    matches!(said, Said::Vote { poll, .. } if poll == wanted)
}

/// Names of the options that the hashes of a vote stand for.
pub(crate) fn chosen(options: &[String], hashes: &[Vec<u8>]) -> Outcome<Vec<String>> {
    let known =
        |hash: &Vec<u8>| options.iter().find(|name| compute_option_hash(name)[..] == hash[..]).cloned();
    let names: Option<Vec<String>> = hashes.iter().map(known).collect();
    Ok(names.ok_or("a vote for something that is no option")?)
}

fn id(key: Option<&wa::MessageKey>) -> Option<String> {
    key?.id.clone()
}
