use std::time::{Duration, Instant};

use ::engine::ports::host_calls::NoHostCalls;
use tokio_util::sync::CancellationToken;
use wasmtime::Store;
use wasmtime::component::{Component, Instance};
use wasmtime_wasi::I32Exit;

use super::*;
use crate::host::effects::Caller;
use crate::host::engine::Runtime;
use crate::host::imports::{LINKED, WASI};
use crate::host::limits::Limits;

const NOW: &str = "2026-11-20T07:00:00+01:00";

/// A component that calls each part of WASI that could reveal something of the machine.
const GUEST: &str = r#"(component
    (import "wasi:random/random@0.2.0" (instance $random (export "get-random-u64" (func (result u64)))))
    (import "wasi:clocks/monotonic-clock@0.2.3" (instance $monotonic (export "now" (func (result u64)))))
    (import "wasi:clocks/wall-clock@0.2.0" (instance $wall
        (type $t (record (field "seconds" u64) (field "nanoseconds" u32)))
        (export "datetime" (type $datetime (eq $t)))
        (export "now" (func (result $datetime)))))
    (import "wasi:cli/exit@0.2.0" (instance $exit (export "exit" (func (param "status" (result))))))
    (import "wasi:cli/environment@0.2.0" (instance $environment
        (export "get-arguments" (func (result (list string))))
        (export "get-environment" (func (result (list (tuple string string)))))))
    (core module $memory
        (memory (export "memory") 1)
        (global $free (mut i32) (i32.const 1024))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32)
            global.get $free
            (global.set $free (i32.add (global.get $free) (local.get 3)))))
    (core instance $m (instantiate $memory))
    (alias core export $m "memory" (core memory $mem))
    (alias core export $m "realloc" (core func $realloc))
    (core func $random (canon lower (func $random "get-random-u64")))
    (core func $monotonic (canon lower (func $monotonic "now")))
    (core func $wall (canon lower (func $wall "now") (memory $mem)))
    (core func $exit (canon lower (func $exit "exit")))
    (core func $arguments (canon lower (func $environment "get-arguments") (memory $mem) (realloc $realloc)))
    (core func $variables (canon lower (func $environment "get-environment") (memory $mem) (realloc $realloc)))
    (core module $main
        (import "" "memory" (memory 1))
        (import "" "random" (func $random (result i64)))
        (import "" "monotonic" (func $monotonic (result i64)))
        (import "" "wall" (func $wall (param i32)))
        (import "" "exit" (func $exit (param i32)))
        (import "" "arguments" (func $arguments (param i32)))
        (import "" "variables" (func $variables (param i32)))
        (func (export "random") (result i64) call $random)
        (func (export "monotonic") (result i64) call $monotonic)
        (func (export "wall") (result i64) (call $wall (i32.const 0)) (i64.load (i32.const 0)))
        (func (export "exit") (result i64) (call $exit (i32.const 1)) (i64.const 0))
        (func (export "environment") (result i64)
            (call $arguments (i32.const 0))
            (call $variables (i32.const 8))
            (i64.extend_i32_u (i32.add (i32.load (i32.const 4)) (i32.load (i32.const 12))))))
    (core instance $main (instantiate $main (with "" (instance
        (export "memory" (memory $mem))
        (export "random" (func $random))
        (export "monotonic" (func $monotonic))
        (export "wall" (func $wall))
        (export "exit" (func $exit))
        (export "arguments" (func $arguments))
        (export "variables" (func $variables))))))
    (func (export "random") (result u64) (canon lift (core func $main "random")))
    (func (export "monotonic") (result u64) (canon lift (core func $main "monotonic")))
    (func (export "wall") (result u64) (canon lift (core func $main "wall")))
    (func (export "exit") (result u64) (canon lift (core func $main "exit")))
    (func (export "environment") (result u64) (canon lift (core func $main "environment")))
)"#;

fn runtime() -> Runtime {
    Runtime::new(Limits { instances: 2, ..Limits::default() }).unwrap()
}

async fn guest(runtime: &Runtime, key: &str) -> (Store<Guest>, Instance) {
    let caller = Caller {
        module: "m".into(),
        idempotency_key: key.into(),
        dry_run: false,
        host_calls: Some(Arc::new(NoHostCalls::default())),
        end: Instant::now() + Duration::from_secs(5),
        listener: Arc::new(()),
    };
    let mut store = runtime.new_store((caller, NOW.to_owned()), CancellationToken::new(), 1 << 20);
    let component = Component::new(runtime.engine(), wat::parse_str(GUEST).unwrap()).unwrap();
    let instance = runtime.linker().instantiate_async(&mut store, &component).await.unwrap();
    (store, instance)
}

async fn call(guest: &mut (Store<Guest>, Instance), name: &str) -> wasmtime::Result<u64> {
    let (store, instance) = guest;
    let function = instance.get_typed_func::<(), (u64,)>(&mut *store, name)?;
    Ok(function.call_async(&mut *store, ()).await?.0)
}

#[tokio::test]
async fn a_guest_sees_only_what_belongs_to_its_line() {
    let runtime = runtime();
    let mut first = guest(&runtime, "r:10").await;
    assert_eq!(call(&mut first, "wall").await.unwrap(), 1_795_154_400);
    assert!(call(&mut first, "monotonic").await.unwrap() < 1_000_000_000, "the clock does not begin at 0");
    assert_eq!(call(&mut first, "environment").await.unwrap(), 0);
    let numbers = [call(&mut first, "random").await.unwrap(), call(&mut first, "random").await.unwrap()];
    let error = call(&mut first, "exit").await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(I32Exit(1))), "{error:?}");
    drop(first);
    let mut again = guest(&runtime, "r:10").await;
    assert_eq!(numbers, [call(&mut again, "random").await.unwrap(), call(&mut again, "random").await.unwrap()]);
    let mut other = guest(&runtime, "r:20").await;
    assert_ne!(numbers[0], call(&mut other, "random").await.unwrap());
    assert_ne!(numbers[0], numbers[1]);
}

/// One item of each interface, in the order of `LINKED`.
const ITEMS: [&str; LINKED.len()] = [
    "get-environment",
    "exit",
    "get-stderr",
    "get-stdin",
    "get-stdout",
    "terminal-input",
    "terminal-output",
    "get-terminal-stderr",
    "get-terminal-stdin",
    "get-terminal-stdout",
    "now",
    "now",
    "get-directories",
    "descriptor",
    "handle",
    "fields",
    "error",
    "poll",
    "input-stream",
    "get-insecure-random-u64",
    "insecure-seed",
    "get-random-u64",
    "instance-network",
    "resolve-addresses",
    "network",
    "tcp-socket",
    "create-tcp-socket",
    "udp-socket",
    "create-udp-socket",
];

#[tokio::test]
async fn every_listed_interface_is_linked() {
    let mut linker = runtime().linker().clone();
    // Defining an item that exists already fails.
    let mut is_linked = |interface: &str, item: &str| {
        let mut instance = linker.instance(&format!("{interface}@{WASI}")).unwrap();
        instance.func_wrap(item, |_, (): ()| Ok(())).is_err()
    };
    for (interface, item) in LINKED.into_iter().zip(ITEMS) {
        assert!(is_linked(interface, item), "{interface} is not linked");
    }
    assert!(!is_linked("wasi:keyvalue/store", "open"));
}

#[tokio::test]
async fn wasi_is_created_at_the_first_call() {
    let runtime = runtime();
    let mut guest = guest(&runtime, "r:10").await;
    assert!(guest.0.data().existing_wasi().is_none());
    call(&mut guest, "random").await.unwrap();
    assert!(guest.0.data().existing_wasi().is_some());
}
