//! `call`: any operation, with its arguments and its answer in JSON.

use std::io::Write as _;

use futures_lite::future::{or, poll_once};
use sanswire::OpError;
use sanswire::event::{DownReason, Envelope, Event, LinkEvent};
use sanswire::ops::{Answer, CallId, NAMES, Operation};
use sanswire_driver::Handle;
use serde_json::Value;

use crate::account::Account;
use crate::failure::Failure;
use crate::ops;
use crate::pair::complain;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    account: Account,
    /// Name of the operation; `sanswire ops` lists them
    name: String,
    /// Its arguments as a JSON object
    #[arg(default_value = "{}")]
    json: String,
    /// Call at once; otherwise the connection is waited for
    #[arg(long)]
    now: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if !NAMES.contains(&arguments.name.as_str()) {
        return Err(Failure::Argument(format!(
            "no operation is called {}: `sanswire ops` lists them",
            arguments.name
        )));
    }
    let json: Value = serde_json::from_str(&arguments.json)
        .map_err(|error| Failure::Argument(format!("the arguments are not JSON: {error}")))?;
    let operation = ops::operation(&arguments.name, &json)
        .map_err(|error| Failure::Argument(format!("{}: {error}", arguments.name)))?;
    let account = &arguments.account;
    account.must_exist()?;
    let answered = account.run(account.config(), async |client| {
        if !arguments.now {
            until_ready(client, &operation, account).await?;
        }
        call(client, operation).await
    })?;
    let mut out = std::io::stdout().lock();
    match answered {
        Ok(answer) => writeln!(out, "{}", output(&answer)).map_err(Failure::Output),
        Err(error) => {
            writeln!(out, "{}", serde_json::json!({ "error": error })).map_err(Failure::Output)?;
            Err(Failure::operation(error, account.store.clone()))
        }
    }
}

/// What an answer says, without the name of its operation.
pub(crate) fn output(answer: &Answer) -> Value {
    let whole = serde_json::to_value(answer).unwrap_or_default();
    whole.get("output").cloned().unwrap_or(Value::Null)
}

/// Waits until the operation can do its work.
async fn until_ready(client: &Handle, operation: &Operation, account: &Account) -> Result<(), Failure> {
    // These are for devices that are not linked, or not connected.
    let before = matches!(
        operation,
        Operation::PairCode(_) | Operation::PasskeyResponse(_) | Operation::PasskeyConfirm(_)
    );
    if matches!(operation, Operation::Connect(_) | Operation::Disconnect(_)) {
        return Ok(());
    }
    while let Some(envelope) = client.next_event().await {
        let Event::Link(event) = envelope.event else { continue };
        match (&event, operation) {
            (LinkEvent::Ready, _) => return Ok(()),
            (LinkEvent::QrCode { .. }, _) if before => return Ok(()),
            (LinkEvent::QrCode { .. }, _) => return Err(Failure::NotPaired(account.store.clone())),
            (LinkEvent::Down { reason: DownReason::LoggedOut { .. }, .. }, Operation::Relink(_)) => {
                return Ok(());
            }
            (LinkEvent::Down { reason, .. }, _) => match Failure::of(&event) {
                Some(failure) => return Err(failure),
                None => complain(client, reason),
            },
            _ => {}
        }
    }
    Err(Failure::Ended)
}

type Answered = Result<Answer, OpError>;

async fn call(client: &Handle, operation: Operation) -> Result<Answered, Failure> {
    let mut call = client.call_any(operation);
    let id = call.id();
    let answered = async { Ok((&mut call).await) };
    let meanwhile = async {
        while let Some(envelope) = client.next_event().await {
            confirm(client, &envelope, id);
            if let Event::Link(event) = &envelope.event
                && let Some(failure) = Failure::of(event)
            {
                return Err(failure);
            }
        }
        Err(Failure::Ended)
    };
    let outcome = or(answered, meanwhile).await;
    let answer = match outcome {
        Ok(answer) => answer,
        Err(failure) => {
            // What ended the connection may be what was asked for, such as a logout: its answer comes right behind.
            client.shutdown().await;
            match call.await {
                Err(OpError::Disconnected) => return Err(failure),
                answer => answer,
            }
        }
    };
    while let Some(Some(envelope)) = poll_once(client.next_event()).await {
        confirm(client, &envelope, id);
    }
    Ok(answer)
}

/// What concerns this call is dealt with here; all else is left for whoever listens.
pub(crate) fn confirm(client: &Handle, envelope: &Envelope, call: CallId) {
    if matches!(&envelope.event, Event::Send(progress) if progress.call == Some(call)) {
        client.seen(envelope.id);
    }
}
