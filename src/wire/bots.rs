//! Bots that are known both by id and by phone number. Reference 03 §10.1.

use super::jid::Jid;
use super::server::Server;

/// The phone-number JID of a bot given by id (`X@bot`), when the pair is known. A message whose `recipient`
/// is such a bot is acknowledged under this name.
pub fn pn_of_bot(bot: &Jid<'_>) -> Option<Jid<'static>> {
    if !matches!(bot.server(), Server::Bot) {
        return None;
    }
    pairs().find(|(id, _)| *id == bot.user()).map(|(_, pn)| Jid::pn(pn, 0))
}

/// The bot behind a phone-number JID, when the pair is known.
pub fn bot_of_pn(pn: &Jid<'_>) -> Option<Jid<'static>> {
    if *pn.server() != Server::Pn {
        return None;
    }
    pairs().find(|(_, number)| *number == pn.user()).map(|(id, _)| Jid::new(id, Server::Bot, 0))
}

fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    PAIRS.lines().filter_map(|line| line.split_once(' '))
}

/// One pair a line: bot id, space, phone number.
const PAIRS: &str = include_str!("bots/pairs.txt");

#[cfg(test)]
mod tests {
    use super::{bot_of_pn, pairs, pn_of_bot};
    use crate::wire::{Jid, Server};

    #[test]
    fn bots_map_to_phone_numbers_and_back() {
        let meta_ai = Jid::new("867051314767696", Server::Bot, 0);
        assert_eq!(pn_of_bot(&meta_ai), Some(Jid::pn("13135550002", 0)));
        assert_eq!(bot_of_pn(&Jid::pn("13135550002", 0)), Some(meta_ai));
        assert_eq!(pn_of_bot(&Jid::new("1", Server::Bot, 0)), None);
        assert_eq!(bot_of_pn(&Jid::lid("13135550002", 0)), None);
        assert_eq!(pairs().count(), 206);
    }
}
