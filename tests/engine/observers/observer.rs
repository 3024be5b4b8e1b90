//! An external extension in Rust, standard library only: tells each event, and what the Telemetry API sent it over TCP.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const PORT: u16 = 8104;

struct Answer {
    head: String,
    body: String,
}

fn call(method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(env::var("AWS_LAMBDA_RUNTIME_API").unwrap()).unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: runtime\r\n{headers}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
    Answer { head, body: String::from_utf8(body).unwrap() }
}

/// The text of a member of a flat JSON object.
fn member(text: &str, name: &str) -> String {
    let from = text.find(&format!("\"{name}\"")).map(|at| at + name.len() + 2);
    from.and_then(|at| text[at..].split('"').nth(1)).unwrap_or_default().to_string()
}

fn listen(records: Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            for line in BufReader::new(stream.unwrap()).lines().map_while(Result::ok) {
                if member(&line, "type") == "function" {
                    records.lock().unwrap().push(member(&line, "record").replace("\\n", ""));
                }
            }
        }
    });
}

fn main() {
    let program = env::args().next().unwrap();
    let name = program.rsplit('/').next().unwrap();
    let registered = call(
        "POST",
        "/2020-01-01/extension/register",
        &format!("Lambda-Extension-Name: {name}"),
        r#"{"events": ["INVOKE", "SHUTDOWN"]}"#,
    );
    let me = registered.head.lines().find(|line| line.to_lowercase().starts_with("lambda-extension-identifier:"));
    let me = me.expect("an identifier").to_string();
    let records = Arc::new(Mutex::new(Vec::new()));
    listen(records.clone());
    let subscription = format!(
        r#"{{"schemaVersion": "2022-12-13", "types": ["function"], "buffering": {{"timeoutMs": 25}},
            "destination": {{"protocol": "TCP", "port": {PORT}}}}}"#
    );
    call("PUT", "/2022-07-01/telemetry", &me, &subscription);
    println!("rust registered");
    loop {
        let event = call("GET", "/2020-01-01/extension/event/next", &me, "").body;
        if member(&event, "eventType") == "SHUTDOWN" {
            println!("rust SHUTDOWN {}", member(&event, "shutdownReason"));
            thread::sleep(Duration::from_millis(200)); // over TCP nobody waits until we have read
            println!("rust heard {}", records.lock().unwrap().join(" "));
            return;
        }
        println!("rust INVOKE {}", member(&event, "requestId"));
    }
}
