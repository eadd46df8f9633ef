//! Web APIs for scripts: fetch and what belongs to it.

use ropewalk_sdk::http::{Error, Response};
use ropewalk_sdk::json;
use ropewalk_sdk::testing::{host, run};

use super::super::Js;
use super::{fails, gives};

#[test]
fn fetch_sends_and_reads() {
    let host = host();
    host.answer(|_| {
        let response = Response::new(201)
            .with_header("X-Id", "7")
            .with_header("set-cookie", "a=1")
            .with_header("Set-Cookie", "b=2");
        Ok(response.with_body("{\"n\": 12345678901234567890}"))
    });
    gives(
        "const r = await fetch('https://example.com/a', { method: 'post', headers: { 'X-Key': ' k ' }, body: JSON.stringify({ a: 1 }), timeout: 500 });
         const bytes = await r.bytes();
         return [{ ok: r.ok, status: r.status, text: r.statusText, url: r.url, id: r.headers.get('x-ID'), has: r.headers.has('nope'),
                   names: [...r.headers.keys()], cookies: r.headers.getSetCookie(), json: await r.json(), raw: (await r.text()).length,
                   bytes: bytes.length, buffer: (await r.arrayBuffer()).byteLength }]",
        json!([]),
        json!([{"ok": true, "status": 201, "text": "Created", "url": "https://example.com/a", "id": "7", "has": false,
                "names": ["set-cookie", "x-id"], "cookies": ["a=1", "b=2"], "json": {"n": 12345678901234567890_u64}, "raw": 27,
                "bytes": 27, "buffer": 27}]),
    );
    let sent = &host.requests()[0];
    assert_eq!((sent.method.as_str(), sent.url.as_str()), ("POST", "https://example.com/a"));
    assert_eq!(sent.body.as_deref(), Some(&b"{\"a\":1}"[..]));
    assert_eq!(sent.timeout.map(|timeout| timeout.as_millis()), Some(500));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(sent.headers, [pair("x-key", "k"), pair("content-type", "text/plain;charset=UTF-8")]);
}

#[test]
fn bodies_are_sent_as_bytes() {
    let host = host();
    host.answer(|_| Ok(Response::new(204)));
    gives(
        "await fetch('u:1', { method: 'PUT', body: new Uint8Array([0, 255, 1]).subarray(1) });
         await fetch('u:2', { method: 'PUT', body: new URLSearchParams({ a: 'é b', c: '&' }) });
         await fetch('u:3', { method: 'PUT', body: new Uint16Array([258]).buffer });
         await ctx.http({ url: 'u:4', json: { id: 9007199254740993n } });
         await ctx.http('u:5');
         return []",
        json!([]),
        json!([]),
    );
    let sent = host.requests();
    let bodies: Vec<Option<&[u8]>> = sent.iter().map(|request| request.body.as_deref()).collect();
    assert_eq!(bodies[0], Some(&[255, 1][..]));
    assert_eq!(bodies[1], Some(&b"a=%C3%A9+b&c=%26"[..]));
    assert_eq!(bodies[2], Some(&[2, 1][..]));
    assert_eq!(bodies[3], Some(&b"{\"id\":9007199254740993}"[..]));
    assert_eq!((sent[3].method.as_str(), sent[4].method.as_str(), bodies[4]), ("POST", "GET", None));
    assert_eq!(sent[3].headers[0].1, "application/json");
}

#[test]
fn what_the_host_refuses_is_a_type_error() {
    let host = host();
    host.answer(|_| Err(Error::Denied("Grant http for example.com".to_owned())));
    fails("\nawait fetch('https://example.com')", "TypeError: Grant http for example.com (script line 2, column ");
    gives(
        "try { await fetch('https://example.com') } catch (e) { return [{ type: e instanceof TypeError, code: e.code, temporary: e.temporary }] }",
        json!([]),
        json!([{"type": true, "code": "denied", "temporary": false}]),
    );
    let temporary = |script: &str| run::<Js>(json!({"script": script}), &[json!([])]).expect_err(script);
    assert!(!temporary("await fetch('https://example.com')").temporary);
    host.answer(|_| Err(Error::Unreachable("away".to_owned())));
    assert!(temporary("await fetch('https://example.com')").temporary);
    let own = temporary("throw Object.assign(new Error('busy'), { temporary: true, retryAfter: 30 })");
    assert_eq!((own.temporary, own.after), (true, Some(30)));
}

#[test]
fn invalid_requests_are_reported() {
    let _host = host();
    fails(
        "await fetch('u:', { method: 'POST', body: { a: 1 } })",
        "TypeError: The body is an object (Object): send JSON.stringify(…)",
    );
    fails("await fetch('u:', { body: 'x' })", "A GET request has no body");
    fails("await fetch('u:', { headers: { 'a b': '1' } })", "\"a b\" is not a valid header name");
    fails("await fetch('u:', { headers: { a: '1\\n2' } })", "must not contain line breaks");
    fails("await fetch('u:', { signal: {} })", "fetch does not support signal");
    fails("await fetch('u:', { redirect: 'manual' })", "redirect cannot be manual");
    fails("await ctx.http({ url: 'u:', json: { a: NaN } })", "json.a is NaN");
    fails("await ctx.http({})", "ctx.http takes a URL");
    fails("await new Response('<a>', { url: 'u:' }).json()", "SyntaxError: The response from u: is not JSON");
}

#[test]
fn a_fetch_that_is_not_awaited_is_reported() {
    let host = host();
    host.answer(|_| Err(Error::Unreachable("away".to_owned())));
    let report = run::<Js>(json!({"script": "fetch('https://example.com'); return []"}), &[json!([])]).expect("runs");
    assert!(report.message().contains("not awaited failed: TypeError: away"), "{}", report.message());
}

#[test]
fn texts_become_bytes_and_come_back() {
    gives(
        "const bytes = new TextEncoder().encode('aé\u{1F600}\\ud83d');
         const d = new TextDecoder();
         let broken; try { new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([255])) } catch (e) { broken = e.name }
         return [{ bytes: [...bytes], text: d.decode(bytes), part: d.decode(new DataView(bytes.buffer, 1, 2)), none: d.decode(),
                   bom: d.decode(new Uint8Array([0xef, 0xbb, 0xbf, 97])), loose: d.decode(new Uint8Array([255])), broken, b: btoa('abc'), a: atob('YWJj') }]",
        json!([]),
        json!([{"bytes": [97, 195, 169, 240, 159, 152, 128, 239, 191, 189], "text": "aé\u{1F600}\u{FFFD}", "part": "é", "none": "",
                "bom": "a", "loose": "\u{FFFD}", "broken": "TypeError", "b": "YWJj", "a": "abc"}]),
    );
    fails("new TextDecoder('latin1')", "RangeError: TextDecoder supports only utf-8, not latin1");
}

#[test]
fn parameters_of_urls() {
    gives(
        "const p = new URLSearchParams('?a=1&b=x+y&a=%C3%A9&c');
         p.append('d', '~*!'); p.set('b', 2); p.delete('c');
         const q = new URLSearchParams([['z', '1'], ['y', '2']]); q.sort();
         return [{ text: String(p), a: p.get('a'), all: p.getAll('a'), has: p.has('c'), none: p.get('c'), size: p.size, q: q.toString(), pairs: [...q] }]",
        json!([]),
        json!([{"text": "a=1&b=2&a=%C3%A9&d=%7E*%21", "a": "1", "all": ["1", "é"], "has": false, "none": null, "size": 4,
                "q": "y=2&z=1", "pairs": [["y", "2"], ["z", "1"]]}]),
    );
}

#[test]
fn copies_are_deep() {
    gives(
        "const a = { d: new Date(5), m: new Map([[1, { x: 1 }]]), s: new Set([1]), u: new Uint8Array([1, 2]), l: [1, , 3] };
         a.self = a;
         const b = structuredClone(a);
         a.m.get(1).x = 2; a.u[0] = 9;
         return [{ d: b.d.getTime(), x: b.m.get(1).x, s: b.s.has(1), u: b.u[0], l: b.l.length, cycle: b.self === b, other: b !== a }]",
        json!([]),
        json!([{"d": 5, "x": 1, "s": true, "u": 1, "l": 3, "cycle": true, "other": true}]),
    );
    fails("structuredClone({ f() {} })", "TypeError: structuredClone cannot copy a function");
}
