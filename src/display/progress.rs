//! A progress bar for the running line, shown on a terminal only.

use std::io::IsTerminal;
use std::time::Duration;

use engine::engine::Engine;
use engine::node::events::{Progress, ResultChange};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;

const TICK: Duration = Duration::from_millis(100);

/// The bar that is shown, if any.
pub struct ProgressDisplay(Option<(ProgressBar, JoinHandle<()>)>);

/// Shows the progress of the engine's running line, unless `quiet` or standard error is no terminal.
pub fn show(engine: &Engine, quiet: bool) -> ProgressDisplay {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressDisplay(None);
    }
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{spinner} {msg} {wide_bar} {human_pos}/{human_len} {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(TICK);
    let (mut events, advancing) = (engine.events().listen(), bar.clone());
    let listening = tokio::spawn(async move {
        loop {
            match events.recv().await {
                Ok(event) => {
                    if let ResultChange::Progress(progress) = event.change {
                        advance(&advancing, &progress);
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    });
    ProgressDisplay(Some((bar, listening)))
}

fn advance(bar: &ProgressBar, progress: &Progress) {
    bar.set_message(format!("line {} {}", progress.line_no, progress.line));
    bar.set_length(progress.of);
    bar.set_position(progress.taken);
}

impl ProgressDisplay {
    /// Removes the bar.
    pub fn end(self) {
        if let Some((bar, listening)) = self.0 {
            listening.abort();
            bar.finish_and_clear();
        }
    }
}
