//! A hostile destination: its answers cost it more than they cost the program.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use crate::{binary::Home, wire};

/// More than any answer may have, and small enough to be sent several times.
const ANSWER_BYTES: usize = 32 << 20;

/// A server with nearly endless answers.
struct Endless {
    url: String,
    /// The bytes of each answer until the client closed the connection.
    answers: Arc<Mutex<Vec<usize>>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Endless {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let (answers, ends) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (sent, stop) = (Arc::clone(&answers), Arc::clone(&ends));
        let serve = move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let bytes = answer(stream);
                sent.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
            }
        };
        let thread = std::thread::Builder::new().name("endless".to_owned()).spawn(serve);
        Self { url, answers, ends, thread: Some(thread.expect("the system gives a thread")) }
    }

    fn answers(&self) -> Vec<usize> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        // A further connection wakes the server, which then sees the flag.
        drop(TcpStream::connect(self.url.trim_start_matches("http://")));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Answers the first request of the connection; `None`: there was none.
fn answer(mut stream: TcpStream) -> Option<usize> {
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    stream.set_write_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut request = [0; 16 << 10];
    if stream.read(&mut request).ok()? == 0 {
        return None;
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {ANSWER_BYTES}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    let piece = [b' '; 16 << 10];
    let mut sent = 0;
    while sent < ANSWER_BYTES && stream.write_all(&piece).is_ok() {
        sent += piece.len();
    }
    Some(sent)
}

#[test]
fn an_answer_without_end_is_not_read_to_its_end_and_is_no_delivery() {
    for operation in ["put-record", "put-records"] {
        let server = Endless::start();
        let home = Home::with_kinesis(&server.url, &format!("operation = \"{operation}\"\n"));
        let serve = home.serve(&[]);
        serve.accept("/v1/track", r#"{"userId":"u","event":"E"}"#);
        wire::wait_until("it is tried again", || server.answers().len() >= 2);
        // The buffers of the system add to the limit.
        assert!(server.answers().iter().all(|sent| *sent < ANSWER_BYTES), "{:?}", server.answers());
        assert_eq!(wire::metric(&serve.metrics(), "tributary_queued_events"), 1);
        assert_eq!(wire::metric(&serve.metrics(), "tributary_delivered_total"), 0);
        serve.stop();
    }
}
