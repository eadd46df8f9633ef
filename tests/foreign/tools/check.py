#!/usr/bin/env python3
"""Runs the built modules in wasmtime, without Ropewalk: `check.py <folder with components>`.

It plays the host: WASI with nothing behind it, `wasi:http`, and a log that is kept.
"""

import json
import re
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from wasmtime import Config, Engine, Store, WasiConfig, component

ACTIONS = "ropewalk:action/actions@1.0.0"
LOG = "ropewalk:host/log@1.0.0"
CONTEXT = {
    "job-result": "r-1",
    "line-no": 10,
    "attempt": 1,
    "idempotency-key": "r-1/10",
    "now": "2026-11-20T08:00:00+01:00",
    "since": None,
    "organization": "acme",
    "arguments": "{}",
    "dates": '{"today":"2026-11-20"}',
    "dry-run": False,
}


class Failed(Exception):
    """The error of a result: what the module says, and whether trying again may help."""

    def __init__(self, failure):
        super().__init__(failure.message)
        self.kind = failure.kind.tag if hasattr(failure.kind, "tag") else failure.kind


@dataclass
class Outcome:
    records: list | None
    rejected: list
    message: str | None
    severity: str


class Module:
    """A component, compiled once."""

    def __init__(self, engine: Engine, path: Path):
        self.engine = engine
        self.component = component.Component.from_file(engine, path)

    def instance(self, http: bool = True) -> "Instance":
        return Instance(self, http)


class Instance:
    """A fresh instance, as each line has one."""

    def __init__(self, module: Module, http: bool):
        self.log = []
        self.store = Store(module.engine)
        self.store.set_wasi(WasiConfig())
        linker = component.Linker(module.engine)
        linker.add_wasip2()
        if http:
            self.store.set_wasi_http()
            linker.add_wasi_http()
        with linker.root() as root, root.add_instance(LOG) as log:
            log.add_func("write", lambda _, level, message: self.log.append((level, message)))
        self.instance = linker.instantiate(self.store, module.component)

    def call(self, name: str, *arguments):
        interface = self.instance.get_export_index(self.store, ACTIONS)
        function = self.instance.get_func(self.store, self.instance.get_export_index(self.store, name, interface))
        answer = function(self.store, *arguments)
        if isinstance(answer, component.Variant):
            if answer.tag == "err":
                raise Failed(answer.payload)
            return answer.payload
        if hasattr(answer, "kind"):
            raise Failed(answer)
        return answer

    def open(self, action: str, parameters: dict) -> "Line":
        context = component.Record()
        for name, value in CONTEXT.items():
            setattr(context, name, value)
        return Line(self, self.call("[static]line.open", action, json.dumps(parameters, ensure_ascii=False), context))


class Line:
    def __init__(self, instance: Instance, resource):
        self.instance = instance
        self.resource = resource

    def take(self, records: list | str) -> Outcome:
        text = records if isinstance(records, str) else json.dumps(records, ensure_ascii=False)
        return outcome(self.instance.call("[method]line.take", self.resource, text))

    def close(self) -> Outcome:
        answer = outcome(self.instance.call("[method]line.close", self.resource))
        self.resource.drop(self.instance.store)
        return answer


def outcome(answer) -> Outcome:
    records = answer.records and json.loads(answer.records)
    rejected = [(one.index, one.reason) for one in answer.rejected]
    return Outcome(records, rejected, answer.message, answer.severity)


@contextmanager
def fails(message: str, kind: str = "final"):
    try:
        yield
    except Failed as failure:
        assert re.search(message, str(failure)), failure
        assert failure.kind == kind, failure.kind
    else:
        raise AssertionError(f"did not fail with: {message}")


# ---- What every module must do ------------------------------------------------------


def check_list(module: Module, names: list[str]) -> None:
    specs = module.instance().call("list")
    assert [spec.name for spec in specs] == names, specs
    for spec in specs:
        assert spec.title and spec.summary
        assert json.loads(spec.parameters)["type"] == "object"
        assert spec.intake == "batches"


def check_unknown_action(module: Module) -> None:
    with fails("no action nonsense; it has "):
        module.instance().open("nonsense", {})


# ---- greet, in JavaScript and in Python ---------------------------------------------


def check_greet(module: Module) -> None:
    check_unknown_action(module)
    line = module.instance().open("greet", {"greeting": "¡Hola, {{ name }} de {{city}}{{nothing}}! {{n}}"})
    took = line.take([{"name": "Inés", "city": "Gijón", "n": 7}, {"city": "Roma"}, {"name": " "}, {"name": 4}])
    assert took.records == [{"name": "Inés", "city": "Gijón", "n": 7, "greeting": "¡Hola, Inés de Gijón! 7"}], took
    assert took.rejected == [(at, 'It has no name; fill in the field "name".') for at in (1, 2, 3)], took
    assert line.take([{"name": "𝔄da"}]).records[0]["greeting"] == "¡Hola, 𝔄da de ! "
    closed = line.close()
    assert (closed.message, closed.severity) == ("Greeted 2 of 5 records.", "success"), closed

    line = module.instance().open("greet", {})
    assert line.take([{"name": "Ada"}]).records == [{"name": "Ada", "greeting": "Hello, Ada!"}]
    assert line.close().message == "Greeted 1 of 1 record."

    closed = module.instance().open("greet", {}).close()
    assert (closed.message, closed.severity) == ("Greeted 0 of 0 records.", "info"), closed

    with fails("fault of the module: "):
        module.instance().open("greet", {}).take("no JSON")

    line = module.instance().open("greet", {})
    many = [{"name": f"Name {n}", "text": "x" * 1000} for n in range(1000)]
    for _ in range(20):
        assert len(line.take(many).records) == 1000
    assert line.close().message == "Greeted 20000 of 20000 records."


# ---- fetch-it, in JavaScript ----------------------------------------------------------


class Pages(BaseHTTPRequestHandler):
    def do_GET(self):
        status = {"/gone": 404, "/busy": 503}.get(self.path, 200)
        self.send_response(status)
        self.send_header("content-type", "text/plain" if self.path == "/text" else "application/json")
        if status == 503:
            self.send_header("retry-after", "30")
        self.end_headers()
        self.wfile.write(b"good day" if self.path == "/text" else json.dumps({"path": self.path}).encode())

    def log_message(self, *_):
        pass


def check_fetch(module: Module) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    Thread(target=server.serve_forever, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_port}"

    instance = module.instance()
    line = instance.open("fetch-it", {"url": here + "/{{path}}"})
    took = line.take([{"path": "a b/c"}, {"path": "gone"}, {"path": "text"}])
    assert took.records == [
        {"path": "a b/c", "answer": {"status": 200, "body": {"path": "/a%20b%2Fc"}}},
        {"path": "text", "answer": {"status": 200, "body": "good day"}},
    ], took
    assert took.rejected == [(1, f"{here}/gone answered with status 404.")], took
    assert ("debug", f"GET {here}/gone: 404") in instance.log, instance.log
    assert line.close().message == "Fetched 2 documents."

    with fails("/busy answered with status 503", "temporary"):
        module.instance().open("fetch-it", {"url": here + "/busy"}).take([{}])
    server.shutdown()
    server.server_close()
    with fails("could not be reached", "temporary"):
        module.instance().open("fetch-it", {"url": here}).take([{}])


# ---- shout, in C ------------------------------------------------------------------------


def check_shout(module: Module) -> None:
    check_unknown_action(module)
    with fails('"field" is missing'):
        module.instance().open("shout", {})

    instance = module.instance()
    line = instance.open("shout", {"field": "título"})
    took = line.take(
        r"""[ {"título": "canción nº 3 \"ñandú\" \n \u00e9\u00ff 𝔞 žluťoučký Ελλάς привіт", "n": [{"título": "no"}, "}]"]} ,
        {"n": 1}, {"título": null}, {"título": ["x"]}, {"t\u00edtulo": "ja", "Título": "no"} , {}, {"título": ""} ] """
    )
    assert took.records == [
        {"título": 'CANCIÓN Nº 3 "ÑANDÚ" \n ÉŸ 𝔞 ŽLUŤOUČKÝ ΕΛΛΆΣ ПРИВІТ', "n": [{"título": "no"}, "}]"]},
        {"título": "JA", "Título": "no"},
        {"título": ""},
    ], took
    assert took.rejected == [(at, 'It has no text in the field "título".') for at in (1, 2, 3, 5)], took
    assert line.take([]).records == []
    assert instance.log[0] == ("debug", "shouted 3 of 7 records so far"), instance.log
    with fails("not a JSON array of objects"):
        line.take('[{"título": "x"')
    with fails("not a JSON array of objects"):
        line.take('[{"título": "x"} {}]')
    closed = line.close()
    assert closed.message.startswith("Shouted 4 of "), closed

    line = module.instance().open("shout", {"field": "x"})
    many = [{"x": f"word {n}", "text": "x" * 1000} for n in range(1000)]
    for _ in range(200):  # 200 MB: the memory of a batch is used again for the next one
        assert len(line.take(many).records) == 1000
    assert line.take([{}] * 100_000).rejected[99_999][0] == 99_999
    assert line.close().message == "Shouted 200000 of 300000 records."


CHECKS = {
    "greeter-js": (["greet", "fetch-it"], [check_greet, check_fetch]),
    "greeter-py": (["greet"], [check_greet]),
    "shout-c": (["shout"], [check_shout]),
}


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit("usage: check.py <folder with components>")
    config = Config()
    config.cache = True
    engine = Engine(config)
    for name, (actions, checks) in CHECKS.items():
        path = Path(sys.argv[1]) / f"{name}.wasm"
        if not path.exists():
            print(f"{name}: not built")
            continue
        module = Module(engine, path)
        check_list(module, actions)
        for check in checks:
            check(module)
        print(f"{name}: ok")


if __name__ == "__main__":
    main()
