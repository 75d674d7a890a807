//! Ctrl-C as something to wait for.

use std::sync::OnceLock;

use sanswire_driver::Queue;

/// Returns when the person at the keyboard, or the system, asks the command to stop.
pub(crate) async fn interrupted() {
    static STOP: OnceLock<Queue<()>> = OnceLock::new();
    let stop = STOP.get_or_init(|| {
        // Without a handler the interrupt ends the process at once: less polite, but an end.
        drop(ctrlc::set_handler(|| {
            if let Some(stop) = STOP.get() {
                stop.close();
            }
        }));
        Queue::new()
    });
    stop.closed().await;
}
