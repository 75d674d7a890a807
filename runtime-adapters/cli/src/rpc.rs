//! `rpc`: JSON-RPC 2.0 over standard input and output, one object per line, for programs in any language.

mod message;

use std::io::Write as _;
use std::rc::Rc;

use core::cell::Cell;

use futures_lite::AsyncBufReadExt as _;
use futures_lite::future::or;
use futures_lite::io::BufReader;
use sanswire::event::EventId;
use sanswire_driver::Handle;
use serde_json::{Value, json};
use smol::{LocalExecutor, Unblock};

use crate::account::Account;
use crate::call::output;
use crate::failure::Failure;
use crate::ops;

use message::{Fault, Request};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    account: Account,
    /// Name to announce to the server when pairing
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut config = arguments.account.config();
    config.profile.push_name.clone_from(&arguments.name);
    let served = arguments.account.run(config, async |client| serve(client).await);
    match served {
        // The reader is gone: what it did not get was not confirmed and comes again.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Answers until standard input ends and everything that was asked is answered.
async fn serve(client: &Handle) -> Result<(), Failure> {
    let executor = LocalExecutor::new();
    let open = Rc::new(Cell::new(0_usize));
    let finished = smol::channel::bounded::<()>(1);
    let requests = async {
        let mut input = BufReader::new(Unblock::new(std::io::stdin()));
        let mut line = Vec::new();
        loop {
            line.clear();
            match input.read_until(b'\n', &mut line).await {
                Ok(0) | Err(_) => break,
                Ok(_) if line.trim_ascii().is_empty() => {}
                Ok(_) => answer(client, &line, &executor, &open, &finished.0)?,
            }
        }
        while open.get() > 0 && finished.1.recv().await.is_ok() {}
        Ok(())
    };
    let events = async {
        while let Some(envelope) = client.next_event().await {
            let params = serde_json::to_value(&envelope).unwrap_or_default();
            print(&json!({ "jsonrpc": "2.0", "method": "event", "params": params }))?;
        }
        Err(Failure::Ended)
    };
    executor.run(or(requests, events)).await
}

/// Handles one line: at once, or when the operation is answered.
fn answer<'a>(
    client: &'a Handle,
    line: &[u8],
    executor: &LocalExecutor<'a>,
    open: &Rc<Cell<usize>>,
    finished: &smol::channel::Sender<()>,
) -> Result<(), Failure> {
    let request = match Request::parse(line) {
        Ok(request) => request,
        Err((id, fault)) => return print(&fault.response(&id)),
    };
    match request.method.as_str() {
        "seen" => match request.params.get("id").and_then(Value::as_u64) {
            Some(event) => {
                client.seen(EventId(event));
                reply(&request, Ok(Value::Null))
            }
            None => reply(&request, Err(Fault::params("seen needs the number of an event as id"))),
        },
        "ops" => reply(&request, Ok(ops::all().map(|described| described.json()).collect())),
        name if !sanswire::ops::NAMES.contains(&name) => reply(&request, Err(Fault::no_method(name))),
        name => match ops::operation(name, &request.params) {
            Err(error) => reply(&request, Err(Fault::params(&error))),
            Ok(operation) => {
                let call = client.call_any(operation);
                let (open, finished) = (Rc::clone(open), finished.clone());
                open.set(open.get() + 1);
                let answering = async move {
                    let result = call.await;
                    // A reader that is gone is noticed with the next event or request.
                    drop(reply(&request, result.map(|answer| output(&answer)).map_err(|e| Fault::of(&e))));
                    open.set(open.get().saturating_sub(1));
                    // Full means that somebody will look already.
                    let _ = finished.try_send(());
                };
                executor.spawn(answering).detach();
                Ok(())
            }
        },
    }
}

/// Answers a request; what has no id wants no answer.
fn reply(request: &Request, result: Result<Value, Fault>) -> Result<(), Failure> {
    let Some(id) = &request.id else { return Ok(()) };
    match result {
        Ok(result) => print(&json!({ "jsonrpc": "2.0", "id": id, "result": result })),
        Err(fault) => print(&fault.response(id)),
    }
}

fn print(message: &Value) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{message}").and_then(|()| out.flush()).map_err(Failure::Output)
}
