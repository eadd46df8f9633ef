//! An outside server that notes every request and loses none. Sometimes it is slow or busy.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// A request as it came, and how it was answered.
#[derive(Debug, Clone)]
pub struct Entry {
    /// How many crashes there were before it.
    pub round: u32,
    pub path: String,
    pub key: String,
    pub body: String,
    pub status: u16,
}

impl Entry {
    /// The records that were sent.
    pub fn records(&self) -> Vec<Value> {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

/// The ledger, which goes on after whoever writes to it is gone.
pub struct Ledger {
    pub address: SocketAddr,
    book: Arc<Book>,
}

#[derive(Default)]
struct Book {
    entries: Mutex<Vec<Entry>>,
    round: AtomicU32,
    open: AtomicUsize,
}

impl Ledger {
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let book = Arc::new(Book::default());
        let shared = Arc::clone(&book);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let book = Arc::clone(&shared);
                book.open.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    // Whoever was killed in the middle of a request hears no answer.
                    let _ = book.serve(&stream);
                    book.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, book }
    }

    /// After a crash: waits until all is noted that was on its way.
    pub fn turn_page(&self) {
        std::thread::sleep(Duration::from_millis(20));
        while self.book.open.load(Ordering::SeqCst) > 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.book.round.fetch_add(1, Ordering::SeqCst);
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.book.entries.lock().expect("no panic").clone()
    }
}

impl Book {
    fn serve(&self, stream: &TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        while let Some((path, headers, body)) = read(&mut reader)? {
            let key = headers.get("idempotency-key").cloned().unwrap_or_default();
            let (status, pause) = self.note(path, key, body);
            std::thread::sleep(pause);
            let mut stream = stream;
            write!(
                stream,
                "HTTP/1.1 {status} As Asked\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{{}}"
            )?;
        }
        Ok(())
    }

    /// Notes a request, and decides how it is answered.
    fn note(&self, path: String, key: String, body: String) -> (u16, Duration) {
        let mut entries = self.entries.lock().expect("no panic");
        let status = match path.as_str() {
            "/broken" => 500,
            "/busy" if entries.iter().filter(|entry| entry.key == key && entry.path == path).count() < 2 => 503,
            "/posted" if entries.len() % 13 == 5 => 503,
            _ => 200,
        };
        let pause = if entries.len() % 7 == 3 { 120 } else { 2 };
        entries.push(Entry { round: self.round.load(Ordering::SeqCst), path, key, body, status });
        (status, Duration::from_millis(pause))
    }
}

type Request = (String, HashMap<String, String>, String);

/// The next request of a connection; none at its end.
fn read(reader: &mut impl BufRead) -> std::io::Result<Option<Request>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = HashMap::new();
    for line in reader.by_ref().lines() {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some((path, headers, String::from_utf8_lossy(&body).into_owned())))
}
