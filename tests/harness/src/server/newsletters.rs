//! Newsletters: one voice in plain text, many readers. Reference 13 §3, 14 §15.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use sanswire::wire::{Content, Jid, Node, OwnedJid};

use super::accept::ConnId;
use super::directory::AccountId;
use super::{DeviceRef, Server, Stanza};
use crate::clock::Time;

/// All newsletters by the digits of their address.
#[derive(Debug, Default)]
pub(crate) struct Newsletters(BTreeMap<String, Newsletter>);

#[derive(Debug)]
struct Newsletter {
    owner: AccountId,
    followers: BTreeSet<AccountId>,
    /// Messages by the number the server gave them.
    posts: BTreeMap<u64, Post>,
    /// Devices that want to see reactions at once, and until when.
    live: BTreeMap<DeviceRef, Time>,
}

#[derive(Debug)]
struct Post {
    id: String,
    kind: String,
    /// `<plaintext>` as it came.
    plaintext: Stanza,
    at: u64,
    /// When it was edited last, in milliseconds.
    edited: Option<u64>,
    reactions: BTreeMap<AccountId, String>,
    /// Who has seen it.
    views: BTreeSet<AccountId>,
}

/// What a message to a newsletter turned out to be.
type Taken = Result<u64, (u64, &'static str)>;

impl Post {
    fn reactions(&self) -> Stanza {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for code in self.reactions.values() {
            *counts.entry(code).or_default() += 1;
        }
        let codes = counts
            .into_iter()
            .map(|(code, count)| Node::new("reaction").attr("code", code.to_owned()).attr("count", count));
        Node::new("reactions").children(codes.collect::<Vec<_>>())
    }

    /// `<message>` as lists and pushes carry it.
    fn describe(&self, number: u64) -> Stanza {
        let meta =
            self.edited.map(|at| Node::new("meta").attr("msg_edit_t", at).attr("original_msg_t", self.at));
        Node::new("message")
            .attr("id", self.id.clone())
            .attr("server_id", number)
            .attr("t", self.at)
            .attr("type", self.kind.clone())
            .child(self.plaintext.clone())
            .child_opt(meta)
    }
}

impl Server {
    /// Makes a newsletter whose owner follows it.
    pub fn create_newsletter(&mut self, owner: AccountId, followers: &[AccountId]) -> OwnedJid {
        let id = format!("1203631{:011}", u64::from_be_bytes(self.seed.bytes()) % 100_000_000_000);
        let followers = followers.iter().copied().chain([owner]).collect();
        let newsletter = Newsletter { owner, followers, posts: BTreeMap::new(), live: BTreeMap::new() };
        self.newsletters.0.insert(id.clone(), newsletter);
        Jid::new(id, sanswire::wire::Server::Newsletter, 0)
    }

    /// A post, an edit, a deletion or a reaction; acked with the number of the message it is about.
    pub(crate) fn take_newsletter_message(&mut self, conn: ConnId, at: DeviceRef, node: &Node<'_>) {
        let Some(to) = node.get_jid("to").map(Jid::into_owned) else { return };
        let reaction = node.get("type").as_deref() == Some("reaction");
        let taken = match node.get("edit").as_deref() {
            _ if node.find("enc").is_some() => Err((479, "a newsletter is not encrypted")),
            _ if reaction => self.react_to_post(at, &to, node),
            Some("3" | "8") => self.edit_post(at, &to, node),
            _ => self.add_post(at, &to, node),
        };
        match taken {
            Ok(number) => {
                let ack = Node::new("ack")
                    .attr("class", "message")
                    .attr("id", node.get("id").unwrap_or_default().into_owned())
                    .attr("from", to)
                    .attr("t", self.stanza_time())
                    .attr("server_id", number);
                self.send(conn, &ack);
            }
            Err((code, rule)) => {
                if code == 479 {
                    self.violation(Some(at), node, rule, "13 §3");
                }
                self.ack_message(conn, node, None, Some(code));
            }
        }
    }

    fn add_post(&mut self, at: DeviceRef, to: &Jid<'_>, node: &Node<'_>) -> Taken {
        let t = self.stanza_time();
        let newsletter = self.newsletters.0.get_mut(to.user()).ok_or((404, "no such newsletter"))?;
        if newsletter.owner != at.account {
            return Err((403, "only the owner writes"));
        }
        let id = node.get("id").unwrap_or_default().into_owned();
        if let Some((number, _)) = newsletter.posts.iter().find(|(_, post)| post.id == id) {
            return Ok(*number);
        }
        let kind = node.get("type").ok_or((479, "a message needs type"))?.into_owned();
        let plaintext = plaintext(node).ok_or((479, "a post needs plaintext with bytes"))?;
        let (reactions, views) = (BTreeMap::new(), BTreeSet::new());
        let post = Post { id, kind, plaintext, at: t, edited: None, reactions, views };
        let number = newsletter.posts.last_key_value().map_or(FIRST_NUMBER, |(last, _)| last + 1);
        let push = post.describe(number);
        newsletter.posts.insert(number, post);
        self.push_post(at, to, push);
        Ok(number)
    }

    fn edit_post(&mut self, at: DeviceRef, to: &Jid<'_>, node: &Node<'_>) -> Taken {
        let now = self.now.0;
        let newsletter = self.newsletters.0.get_mut(to.user()).ok_or((404, "no such newsletter"))?;
        if newsletter.owner != at.account {
            return Err((403, "only the owner writes"));
        }
        let id = node.get("id").unwrap_or_default();
        let known = newsletter.posts.iter_mut().find(|(_, post)| post.id == id);
        let (&number, post) = known.ok_or((404, "no such message"))?;
        let deleted = node.get("edit").as_deref() == Some("8");
        post.plaintext = match plaintext(node) {
            Some(plaintext) => plaintext,
            None if deleted => Node::new("plaintext"),
            None => return Err((479, "an edit needs plaintext with bytes")),
        };
        post.edited = Some(now);
        let edit = if deleted { "8" } else { "3" };
        let push = post.describe(number).attr("edit", edit);
        self.push_post(at, to, push);
        Ok(number)
    }

    /// How many accounts have seen a post.
    #[must_use]
    pub fn post_views(&self, newsletter: &Jid<'_>, number: u64) -> usize {
        let posts = self.newsletters.0.get(newsletter.user()).map(|newsletter| &newsletter.posts);
        posts.and_then(|posts| posts.get(&number)).map_or(0, |post| post.views.len())
    }

    /// `<receipt type=view>`: these posts were seen.
    pub(crate) fn view_posts(&mut self, at: DeviceRef, to: &Jid<'_>, node: &Node<'_>) {
        let listed = node.find("list").into_iter().flat_map(|list| list.find_all("item"));
        let numbers: Vec<u64> = listed.filter_map(|item| item.get_u64("server_id")).collect();
        if numbers.is_empty() {
            self.violation(Some(at), node, "a view receipt lists posts by number", "13 §3");
        }
        let Some(newsletter) = self.newsletters.0.get_mut(to.user()) else { return };
        for number in numbers {
            if let Some(post) = newsletter.posts.get_mut(&number) {
                post.views.insert(at.account);
            }
        }
    }

    fn react_to_post(&mut self, at: DeviceRef, to: &Jid<'_>, node: &Node<'_>) -> Taken {
        let newsletter = self.newsletters.0.get_mut(to.user()).ok_or((404, "no such newsletter"))?;
        let number = node.get_u64("server_id").ok_or((479, "a reaction needs server_id"))?;
        let reaction = node.find("reaction").ok_or((479, "a reaction needs its child"))?;
        if !newsletter.followers.contains(&at.account) {
            return Err((403, "only followers react"));
        }
        let post = newsletter.posts.get_mut(&number).ok_or((404, "no such message"))?;
        match reaction.get("code").filter(|code| !code.is_empty()) {
            Some(code) => post.reactions.insert(at.account, code.into_owned()),
            None => post.reactions.remove(&at.account),
        };
        let shown = Node::new("message")
            .attr("server_id", number)
            .attr("id", post.id.clone())
            .attr("t", post.at)
            .child(post.reactions());
        let now = self.now;
        let watchers: Vec<DeviceRef> =
            newsletter.live.iter().filter(|(_, until)| **until > now).map(|(device, _)| *device).collect();
        let messages =
            Node::new("messages").attr("jid", to.to_owned_jid()).attr("t", now.seconds()).child(shown);
        let notification = Node::new("notification")
            .attr("from", to.to_owned_jid())
            .attr("type", "newsletter")
            .attr("id", self.fresh_id())
            .attr("t", now.seconds())
            .child(Node::new("live_updates").child(messages));
        for device in watchers {
            self.deliver(device, notification.clone());
        }
        Ok(number)
    }

    /// To every device of every follower but the one that wrote.
    fn push_post(&mut self, at: DeviceRef, to: &Jid<'_>, push: Stanza) {
        let followers = self.newsletters.0.get(to.user()).map(|known| known.followers.clone());
        let push = push.attr("from", to.to_owned_jid());
        for follower in followers.unwrap_or_default() {
            self.deliver_all(follower, Some(at), &push);
        }
    }

    /// `xmlns=newsletter`: live updates and what was written so far.
    pub(crate) fn take_newsletter_iq(&mut self, conn: ConnId, at: DeviceRef, iq: &Node<'_>) {
        let child = iq.first();
        let named = child.and_then(|child| child.get_jid("jid")).or_else(|| iq.get_jid("to"));
        let Some(jid) = named.map(Jid::into_owned).filter(Jid::is_newsletter) else {
            self.violation(Some(at), iq, "a newsletter iq names a newsletter", "13 §3");
            return self.refuse(conn, iq, 400, "bad-request");
        };
        let until = self.now.after(LIVE);
        let t = self.now.seconds();
        let Some(newsletter) = self.newsletters.0.get_mut(jid.user()) else {
            return self.refuse(conn, iq, 404, "item-not-found");
        };
        let answer = match child {
            Some(child) if child.tag == "live_updates" => {
                newsletter.live.insert(at, until);
                Some(Node::new("live_updates").attr("duration", LIVE.as_secs()))
            }
            Some(child) if child.tag == "messages" => {
                Some(newsletter.page(child).attr("jid", jid).attr("t", t))
            }
            Some(child) if child.tag == "message_updates" => {
                let messages = newsletter.page(child).attr("jid", jid).attr("t", t);
                Some(Node::new("message_updates").child(messages))
            }
            _ => None,
        };
        match answer {
            Some(answer) => self.result(conn, iq, Some(answer)),
            None => self.refuse(conn, iq, 501, "feature-not-implemented"),
        }
    }
}

impl Newsletter {
    /// The newest messages before one, or those after one, oldest first.
    fn page(&self, asked: &Node<'_>) -> Stanza {
        let count = usize::try_from(asked.get_u64("count").unwrap_or(100)).unwrap_or(100);
        let before = asked.get_u64("before").unwrap_or(u64::MAX);
        let after = asked.get_u64("after").unwrap_or(0);
        let fitting = self.posts.iter().filter(|(number, _)| **number < before && **number > after);
        let mut newest: Vec<Stanza> = fitting
            .rev()
            .take(count)
            .map(|(number, post)| {
                let node = post.describe(*number);
                if post.reactions.is_empty() { node } else { node.child(post.reactions()) }
            })
            .collect();
        newest.reverse();
        Node::new("messages").children(newest)
    }
}

/// A message's `<plaintext>`, if it holds bytes.
fn plaintext(node: &Node<'_>) -> Option<Stanza> {
    let plaintext = node.find("plaintext")?;
    let filled = matches!(&plaintext.content, Content::Bytes(bytes) if !bytes.is_empty());
    filled.then(|| plaintext.clone().into_owned())
}

/// The first message's number; some clients take smaller ones for mistakes.
const FIRST_NUMBER: u64 = 100;
/// How long live updates last.
const LIVE: Duration = Duration::from_secs(300);
