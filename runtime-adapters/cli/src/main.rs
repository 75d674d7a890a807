//! The `sanswire` command: a demonstration, the simulated server, and a client for one's own hands.

#![forbid(unsafe_code)]

mod account;
mod call;
mod demo;
mod failure;
mod listen;
mod ops;
mod pair;
mod pretty;
mod qr;
mod replay;
mod rpc;
mod send;
mod serve;
mod sim;
mod stop;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Failure;

/// The system's allocator with a count beside it, by which `sim` weighs idle accounts.
#[global_allocator]
static ALLOCATED: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

/// WhatsApp Web multi-device, from a pure state machine.
#[derive(Parser)]
#[command(version, about, after_help = failure::EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show it all: a simulated server, two phones, two accounts on two runtimes, in a few seconds
    Demo,
    /// Run the simulated server until interrupted; prints one JSON line when it is ready
    Serve(serve::Arguments),
    /// Run the simulated world with faults, seed by seed, and check that every promise is kept
    Sim(sim::Arguments),
    /// Link this device to a phone: shows QR codes until one is scanned, or a code to be typed
    Pair(pair::Arguments),
    /// Print events as they come, one line each, until interrupted
    Listen(listen::Arguments),
    /// Send a text, a reaction, an edit or a deletion, wait until the server has it, and print the message's id
    Send(send::Arguments),
    /// List every operation with its arguments
    Ops(ops::Arguments),
    /// Call any operation and print its answer as JSON
    Call(call::Arguments),
    /// Serve operations and events to another program: JSON-RPC 2.0 over standard input and output, one object per
    /// line; events come as notifications and are confirmed with the method `seen`
    Rpc(rpc::Arguments),
    /// Run a recording again and compare every output; stops at the first that differs
    Replay(replay::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Demo => demo::run(),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Sim(arguments) => sim::run(&arguments),
        Command::Pair(arguments) => pair::run(&arguments),
        Command::Listen(arguments) => listen::run(&arguments),
        Command::Send(arguments) => send::run(&arguments),
        Command::Ops(arguments) => ops::run(&arguments),
        Command::Call(arguments) => call::run(&arguments),
        Command::Rpc(arguments) => rpc::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever interrupts knows it.
        Err(Failure::Interrupted) => ExitCode::from(Failure::Interrupted.code()),
        Err(failure) => {
            eprintln!("sanswire: {failure}");
            ExitCode::from(failure.code())
        }
    }
}
