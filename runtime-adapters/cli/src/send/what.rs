//! What `send` sends: options become a draft.

use sanswire::content::{Content, Context, Draft, Edit, Key, Quote, Reaction, Revoke, Text};
use sanswire::wire::OwnedJid;

use super::recipient;
use crate::failure::Failure;

/// What to say, and about which message.
#[derive(clap::Args)]
pub(crate) struct What {
    /// What to say; an emoji with --react, where nothing takes the reaction back
    text: Option<String>,
    /// Answer the message with this id
    #[arg(long, value_name = "ID", conflicts_with_all = ["react", "edit", "revoke"])]
    reply: Option<String>,
    /// What that message says, for those who see the answer
    #[arg(long, value_name = "TEXT", requires = "reply")]
    quote: Option<String>,
    /// React to the message with this id
    #[arg(long, value_name = "ID", conflicts_with_all = ["edit", "revoke"])]
    react: Option<String>,
    /// Replace the text of an own message with this id
    #[arg(long, value_name = "ID", conflicts_with = "revoke")]
    edit: Option<String>,
    /// Delete the message with this id for everybody
    #[arg(long, value_name = "ID", conflicts_with = "text")]
    revoke: Option<String>,
    /// Who wrote the message that --reply, --react or --revoke names: a number or an address [default: this account,
    /// or the recipient for --reply and --react outside of groups]
    #[arg(long, value_name = "WHO")]
    author: Option<String>,
    /// Mention somebody, whom the text names as @NUMBER; can be given several times
    #[arg(long, value_name = "WHO")]
    mention: Vec<String>,
    /// Mention everybody in a group
    #[arg(long)]
    mention_all: bool,
}

impl What {
    /// The draft for a conversation.
    pub(super) fn draft(&self, to: &OwnedJid) -> Result<Draft, Failure> {
        let content = self.content(to)?;
        let mentions = self.mention.iter().map(|who| address(who)).collect::<Result<_, _>>()?;
        let quote = match &self.reply {
            None => None,
            Some(id) => {
                let content = self.quote.clone().map(|body| Box::new(Content::Text(Text::new(body))));
                let sender = Some(self.author(to)?);
                Some(Box::new(Quote { id: id.clone(), sender, content, ..Quote::default() }))
            }
        };
        let context = Context { quote, mentions, mention_all: self.mention_all, ..Context::default() };
        Ok(Draft { content, context })
    }

    fn content(&self, to: &OwnedJid) -> Result<Content, Failure> {
        let text = || self.text.clone().ok_or_else(|| Failure::Argument("what to say is missing".to_owned()));
        if let Some(id) = &self.react {
            let emoji = self.text.clone().unwrap_or_default();
            let to = self.key(id, Some(self.author(to)?), to);
            return Ok(Content::Reaction(Reaction { to, emoji, ..Reaction::default() }));
        }
        if let Some(id) = &self.edit {
            let content = Box::new(Content::Text(Text::new(text()?)));
            return Ok(Content::Edit(Edit { of: Key::own(id), content, ..Edit::default() }));
        }
        if let Some(id) = &self.revoke {
            let author = self.author.as_deref().map(address).transpose()?;
            return Ok(Content::Revoke(Revoke { of: self.key(id, author, to) }));
        }
        Ok(Content::Text(Text::new(text()?)))
    }

    /// Whoever wrote the message; in a group that has to be said.
    fn author(&self, to: &OwnedJid) -> Result<OwnedJid, Failure> {
        match &self.author {
            Some(who) => address(who),
            None if to.is_group() || to.is_broadcast() => {
                Err(Failure::Argument("--author has to say who wrote the message".to_owned()))
            }
            None => Ok(to.clone()),
        }
    }

    /// The key of a message: nobody named as author means that it is our own.
    fn key(&self, id: &str, author: Option<OwnedJid>, to: &OwnedJid) -> Key {
        match author {
            None => Key::own(id),
            Some(author) => Key::of(id, (to.is_group() || to.is_broadcast()).then_some(author)),
        }
    }
}

fn address(who: &str) -> Result<OwnedJid, Failure> {
    recipient(who).ok_or_else(|| Failure::Argument(format!("{who} is neither a phone number nor an address")))
}

#[cfg(test)]
#[expect(clippy::panic, reason = "tests")]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        what: What,
    }

    fn draft(to: &str, line: &[&str]) -> Result<serde_json::Value, String> {
        let to = recipient(to).unwrap_or_else(|| panic!("{to}"));
        let line = Line::try_parse_from([&["send"], line].concat()).map_err(|error| error.to_string())?;
        let draft = line.what.draft(&to).map_err(|failure| failure.to_string())?;
        serde_json::to_value(draft).map_err(|error| error.to_string())
    }

    const ANNA: &str = "15550001111@s.whatsapp.net";
    const GROUP: &str = "120363000000000001@g.us";

    #[test]
    fn a_text_may_answer_and_mention() {
        let plain = draft(ANNA, &["hi"]);
        assert_eq!(plain, Ok(serde_json::json!({ "content": { "text": { "body": "hi" } } })));
        let answer =
            draft(ANNA, &["hi", "--reply", "A1", "--quote", "what?", "--mention", "+1 555 000 2222"]);
        assert_eq!(
            answer.map(|draft| draft["context"].clone()),
            Ok(serde_json::json!({
                "quote": { "id": "A1", "sender": ANNA, "content": { "text": { "body": "what?" } } },
                "mentions": ["15550002222@s.whatsapp.net"],
            }))
        );
        let nobody = draft(GROUP, &["hi", "--reply", "A1"]);
        assert!(nobody.is_err_and(|why| why.contains("--author")));
    }

    #[test]
    fn reactions_edits_and_deletions_name_their_message() {
        let content = |to, line: &[&str]| draft(to, line).map(|draft| draft["content"].clone());
        assert_eq!(
            content(GROUP, &["👍", "--react", "A1", "--author", "15550001111"]),
            Ok(serde_json::json!({ "reaction": { "to": { "id": "A1", "sender": ANNA }, "emoji": "👍" } }))
        );
        assert_eq!(
            content(ANNA, &["better", "--edit", "A1"]),
            Ok(serde_json::json!({ "edit": {
                "of": { "id": "A1", "from_me": true }, "content": { "text": { "body": "better" } },
            } }))
        );
        assert_eq!(
            content(GROUP, &["--revoke", "A1"]),
            Ok(serde_json::json!({ "revoke": { "of": { "id": "A1", "from_me": true } } }))
        );
        assert!(draft(ANNA, &[]).is_err() && draft(ANNA, &["--edit", "A1"]).is_err());
        assert!(draft(ANNA, &["x", "--edit", "A1", "--react", "A2"]).is_err());
    }
}
