//! A bar for the running line, on a terminal only.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use engine::ports::notices::{Change, Progress};
use engine::runtime::engine::Engine;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;

const TICK: Duration = Duration::from_millis(100);

/// A progress display; nothing when nobody looks.
pub struct Shown(Option<(ProgressBar, JoinHandle<()>)>);

/// Shows the progress of what the engine works on, unless `quiet` or in a pipe.
pub fn show(engine: &Arc<Engine>, quiet: bool) -> Shown {
    if quiet || !std::io::stderr().is_terminal() {
        return Shown(None);
    }
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{spinner} {msg} {wide_bar} {human_pos}/{human_len} {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(TICK);
    let (mut notices, shown) = (engine.notices.listen(), bar.clone());
    let listening = tokio::spawn(async move {
        loop {
            match notices.recv().await {
                Ok(notice) => {
                    if let Change::Progress(progress) = notice.change {
                        advance(&shown, &progress);
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    });
    Shown(Some((bar, listening)))
}

fn advance(bar: &ProgressBar, progress: &Progress) {
    bar.set_message(format!("line {} {}", progress.line_no, progress.line));
    bar.set_length(progress.of);
    bar.set_position(progress.taken);
}

impl Shown {
    /// Takes the bar away.
    pub fn end(self) {
        if let Some((bar, listening)) = self.0 {
            listening.abort();
            bar.finish_and_clear();
        }
    }
}
