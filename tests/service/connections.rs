//! What happens below requests: bodies that nobody wants, and connections that carry several requests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use super::server::{PATIENCE, Server};

/// A connection that sends what a test wants.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// The status of the next answer, and its headers in lower case; its body is read and forgotten.
    fn answer(&mut self) -> (u16, String) {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(self.0.read_line(&mut head).unwrap() > 0, "the connection was closed behind: {head}");
        }
        let head = head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        self.0.read_exact(&mut body).unwrap();
        (head[9..12].parse().unwrap(), head)
    }

    /// Whether the service has closed it.
    fn is_closed(&mut self) -> bool {
        self.0.read(&mut [0]).unwrap_or(0) == 0
    }
}

/// Time for a service to answer before the body is there: too little of it makes the test weaker, never wrong.
fn pause() {
    sleep(Duration::from_millis(100));
}

#[test]
fn a_refused_request_whose_body_comes_late_leaves_the_connection_usable() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let host = format!("host: {}\r\n", server.address());
    let mut connection = Connection::open(&server);
    let cases = [
        ("PUT /", "", 405),
        ("POST /nowhere", "", 404),
        ("POST /v1/jobs", "content-type: text/plain\r\n", 415),
        ("POST /v1/jobs?wait=soon", "content-type: application/json\r\n", 400),
        ("POST /v1/networks", "origin: http://elsewhere.example\r\n", 403),
    ];
    for (request, headers, status) in cases {
        for (framing, body) in [("content-length: 5\r\n", "hello"), ("transfer-encoding: chunked\r\n", "0\r\n\r\n")] {
            connection.send(&format!("{request} HTTP/1.1\r\n{host}{headers}{framing}\r\n"));
            pause();
            connection.send(body);
            assert_eq!(connection.answer().0, status, "{request}");
        }
    }
    connection.send(&format!("GET /healthz HTTP/1.1\r\n{host}\r\n"));
    assert_eq!(connection.answer().0, 200);
}

#[test]
fn a_client_that_asks_before_it_sends_hears_the_refusal_and_that_the_connection_closes() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let host = server.address();
    let mut connection = Connection::open(&server);
    connection.send(&format!("PUT / HTTP/1.1\r\nhost: {host}\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n"));
    let (status, head) = connection.answer();
    assert_eq!(status, 405);
    assert!(head.contains("connection: close"), "{head}");
    assert!(connection.is_closed());
}

#[test]
fn a_request_names_one_host_and_no_user() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let host = server.address();
    let cases = [
        (format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\nhost: {host}\r\n"), 400),
        (format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\nhost: evil.example\r\n"), 400),
        (format!("GET /healthz HTTP/1.1\r\nhost: evil.example@{host}\r\n"), 400),
        (format!("GET /healthz HTTP/1.1\r\nhost: {host}@evil.example\r\n"), 400),
        (format!("GET http://user@{host}/healthz HTTP/1.1\r\nhost: {host}\r\n"), 400),
        (format!("GET http://evil.example/healthz HTTP/1.1\r\nhost: {host}\r\n"), 421),
        ("GET /healthz HTTP/1.1\r\n".into(), 400),
        (format!("GET http://{host}/healthz HTTP/1.1\r\nhost: {host}\r\n"), 200),
        (format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\n"), 200),
    ];
    for (request, status) in cases {
        let mut connection = Connection::open(&server);
        connection.send(&format!("{request}\r\n"));
        let (answered, head) = connection.answer();
        assert_eq!(answered, status, "{request}");
        assert!(head.contains("x-content-type-options: nosniff"), "{request}: {head}");
    }
}

#[test]
fn no_browser_guesses_what_an_answer_is() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let network = server.network(super::SMALL);
    let network = format!("/networks/{network}");
    let file = format!("/v1{network}/file");
    let paths = [
        "/",
        "/healthz",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/style.css",
        "/none",
        "/v1/jobs/none",
        &network,
        &file,
    ];
    for path in paths {
        for method in ["GET", "PATCH"] {
            let answer = server.call(method, path, &[], None);
            let stated = answer.headers.get_all("x-content-type-options").iter().collect::<Vec<_>>();
            assert_eq!(stated, ["nosniff"], "{method} {path}");
        }
    }
}
