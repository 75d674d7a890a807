//! `send`: one message, until the server has it.

mod what;

use std::io::Write as _;

use futures_lite::future::{or, poll_once};
use sanswire::event::{Event, LinkEvent};
use sanswire::messaging::SendMessage;
use sanswire::wire::{Jid, OwnedJid};
use sanswire_driver::Handle;

use crate::account::Account;
use crate::call::confirm;
use crate::failure::Failure;
use crate::pair::complain;

use what::What;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    account: Account,
    /// Recipient: a phone number with country code, or an address such as 15550001111@s.whatsapp.net or that of a
    /// group
    to: String,
    #[command(flatten)]
    what: What,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let to = recipient(&arguments.to).ok_or_else(|| {
        Failure::Argument(format!("{} is neither a phone number nor an address", arguments.to))
    })?;
    let account = &arguments.account;
    account.must_exist()?;
    let draft = arguments.what.draft(&to)?;
    let message = SendMessage::new(to, draft);
    let sent = account.run(account.config(), async |client| send(client, message, account).await);
    if matches!(sent, Err(Failure::Interrupted)) {
        eprintln!(
            "sanswire: interrupted; if the message was taken it stays in the store and goes out next time"
        );
    }
    writeln!(std::io::stdout(), "{}", sent?).map_err(Failure::Output)
}

/// The message's id, once the server has taken it.
async fn send(client: &Handle, message: SendMessage, account: &Account) -> Result<String, Failure> {
    let call = client.call(message);
    let id = call.id();
    let answered = async { call.await.map_err(|error| Failure::operation(error, account.store.clone())) };
    let meanwhile = async {
        while let Some(envelope) = client.next_event().await {
            confirm(client, &envelope, id);
            let Event::Link(event) = envelope.event else { continue };
            if let Some(failure) = Failure::of(&event) {
                return Err(failure);
            }
            match event {
                LinkEvent::QrCode { .. } => return Err(Failure::NotPaired(account.store.clone())),
                LinkEvent::Down { reason, .. } => complain(client, &reason),
                _ => {}
            }
        }
        Err(Failure::Ended)
    };
    let sent = or(answered, meanwhile).await?;
    while let Some(Some(envelope)) = poll_once(client.next_event()).await {
        confirm(client, &envelope, id);
    }
    Ok(sent.id)
}

/// `+1 555 000 1111`, `15550001111`, or an address.
fn recipient(text: &str) -> Option<OwnedJid> {
    if text.contains('@') {
        return Jid::parse(text).ok().map(Jid::into_owned);
    }
    let digits: String =
        text.chars().filter(|character| !matches!(character, '+' | ' ' | '-' | '(' | ')')).collect();
    let number = (5..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    number.then(|| Jid::pn(&digits, 0).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_are_numbers_or_addresses() {
        let number = Some(Jid::pn("15550001111", 0).into_owned());
        assert_eq!(recipient("15550001111"), number);
        assert_eq!(recipient("+1 (555) 000-1111"), number);
        assert_eq!(recipient("15550001111@s.whatsapp.net"), number);
        assert_eq!(recipient("anna"), None);
        assert_eq!(recipient("+"), None);
        assert_eq!(recipient(""), None);
    }
}
