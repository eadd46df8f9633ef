//! Ropewalk proved from outside: the built program, over its files and sockets.
//!
//! One binary. `support` starts programs and servers, `stage` a host by itself; every other module is
//! about one promise.

#[path = "suite/apply.rs"]
mod apply;
#[path = "suite/architecture.rs"]
mod architecture;
#[path = "suite/bad_input.rs"]
mod bad_input;
#[path = "suite/capabilities.rs"]
mod capabilities;
#[path = "suite/cases.rs"]
mod cases;
#[path = "suite/client_errors.rs"]
mod client_errors;
#[path = "suite/command_line.rs"]
mod command_line;
#[path = "suite/crashes.rs"]
mod crashes;
#[path = "suite/culprit.rs"]
mod culprit;
#[path = "suite/disk.rs"]
mod disk;
#[path = "suite/fuzzed.rs"]
mod fuzzed;
#[path = "suite/guide.rs"]
mod guide;
#[path = "suite/hooks.rs"]
mod hooks;
#[path = "suite/hostile.rs"]
mod hostile;
#[path = "suite/large.rs"]
mod large;
#[path = "suite/ledger.rs"]
mod ledger;
#[path = "suite/limits.rs"]
mod limits;
#[path = "suite/loading.rs"]
mod loading;
#[path = "suite/logs.rs"]
mod logs;
#[path = "suite/modules.rs"]
mod modules;
#[path = "suite/node.rs"]
mod node;
#[path = "suite/operators.rs"]
mod operators;
#[path = "suite/pages.rs"]
mod pages;
#[path = "suite/paused.rs"]
mod paused;
#[path = "suite/prebuilt.rs"]
mod prebuilt;
#[path = "suite/readme.rs"]
mod readme;
#[path = "suite/real_data.rs"]
mod real_data;
#[path = "suite/reference.rs"]
mod reference;
#[path = "suite/remote.rs"]
mod remote;
#[path = "suite/results.rs"]
mod results;
#[path = "suite/retries.rs"]
mod retries;
#[path = "suite/sandbox.rs"]
mod sandbox;
#[path = "suite/scheduling.rs"]
mod scheduling;
#[path = "suite/served.rs"]
mod served;
#[path = "suite/server.rs"]
mod server;
#[path = "suite/stage.rs"]
mod stage;
#[path = "suite/starvation.rs"]
mod starvation;
#[path = "suite/support.rs"]
mod support;
#[path = "suite/walls.rs"]
mod walls;
