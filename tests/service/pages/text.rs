//! Pages as text: what clients wrote stays text, what forms ask for, what the browser is told, and sizes.

use serde_json::{Value, json};

use crate::service::server::{Answer, Server};
use crate::service::{SMALL, network_bytes, small_problem, with};

/// The largest page.
const MAX_PAGE: usize = 300_000;
const SCRIPT: &str = "<script>alert(1)</script>";
const IN_ADDRESS: &str = "%3Cscript%3Ealert(1)%3C%2Fscript%3E";

/// A page as a browser asks for it.
fn page(server: &Server, path: &str) -> Answer {
    let page = server.call("GET", path, &[("accept", "text/html,application/xhtml+xml")], None);
    assert!(page.header("content-type").starts_with("text/html"), "{path}: {}", page.header("content-type"));
    assert!(page.body.len() <= MAX_PAGE, "{path} has {} bytes", page.body.len());
    page
}

/// A form as a browser sends it from this service's own page.
fn send_form(server: &Server, path: &str, fields: &[(&str, &str)]) -> Answer {
    let origin = format!("http://{}", server.address());
    let quote = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let body: Vec<String> = fields.iter().map(|(name, value)| format!("{}={}", quote(name), quote(value))).collect();
    let headers =
        [("origin", origin.as_str()), ("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
    server.call("POST", path, &headers, Some(body.join("&").as_bytes()))
}

#[test]
fn what_clients_wrote_is_text_on_every_page() {
    let (_directory, server) = Server::fresh(&[]);
    let network = server.upload(&format!("?name={IN_ADDRESS}"), &network_bytes(SMALL)).json();
    let network = network["id"].as_str().unwrap();
    let hostile = with(
        &small_problem(),
        json!({
            "kind": "check", "estimates": [{"name": SCRIPT, "value": 1.0, "claims": "upper"}],
            "labels": {SCRIPT: "a", "run": SCRIPT, "quotes": "\"'><script>alert(1)</script>"},
        }),
    );
    let job = server.submit(network, &hostile);
    server.finished(&job);
    let paths = [
        "/".to_owned(),
        format!("/jobs/{job}"),
        "/networks".to_owned(),
        format!("/networks/{network}"),
        format!("/networks/{network}?like={job}"),
        format!("/?text={IN_ADDRESS}&label=run%3D{IN_ADDRESS}"),
        format!("/?label={IN_ADDRESS}%3Da"),
        format!("/compare?job={job}&label=run%3D{IN_ADDRESS}"),
        format!("/?state={IN_ADDRESS}"),
        format!("/?{IN_ADDRESS}=1"),
        format!("/?network={IN_ADDRESS}"),
        format!("/{IN_ADDRESS}"),
        format!("/jobs/{IN_ADDRESS}"),
        format!("/networks/{IN_ADDRESS}"),
        format!("/compare?label={IN_ADDRESS}"),
    ];
    let check = |what: &str, text: &str| {
        assert!(!text.contains("<script>alert") && !text.contains("'><script"), "{what}: {text}");
        // Nothing on a page is a script or a style but the service's own files.
        assert_eq!(
            text.matches("<script").count(),
            text.matches("<script src=\"/dashboard.js\" defer>").count(),
            "{what}"
        );
        assert!(!text.contains(" style=") && !text.contains("<style") && !text.contains("javascript:"), "{what}");
    };
    for path in &paths {
        check(path, &page(&server, path).text());
    }
    for shown in ["/", &format!("/jobs/{job}"), "/networks"] {
        assert!(page(&server, shown).text().contains("&#60;script&#62;alert(1)"), "{shown} shows it");
    }
    let fields =
        [("lower", SCRIPT), ("center", SCRIPT), ("c", SCRIPT), ("methods", SCRIPT), ("labels", SCRIPT), (SCRIPT, "1")];
    let refused = send_form(&server, &format!("/networks/{network}"), &fields);
    assert_eq!(refused.status, 422);
    check("a form", &refused.text());
    let form = format!(
        "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{SCRIPT}\"\r\n\r\n{SCRIPT}\r\n--x--\r\n"
    );
    let origin = format!("http://{}", server.address());
    let headers = [("origin", origin.as_str()), ("content-type", "multipart/form-data; boundary=x")];
    let refused = server.call("POST", "/networks", &headers, Some(form.as_bytes()));
    assert_eq!(refused.status, 422, "{}", refused.text());
    check("an upload", &refused.text());
    let csv = server.get(&format!("/compare/values.csv?job={job}"));
    assert!(csv.header("content-disposition").starts_with("attachment") && csv.text().contains("\"<script>"));
}

#[test]
fn browsers_are_told_to_run_nothing_but_the_pages_own_script() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    for path in ["/", "/networks", "/compare", "/docs", "/nowhere", "/jobs/x"] {
        let page = page(&server, path);
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{path}: {policy}");
        assert!(
            !page.text().contains("http://") && !page.text().contains("https://"),
            "{path} names nothing elsewhere"
        );
    }
    for (path, kind) in
        [("/style.css", "text/css"), ("/dashboard.js", "text/javascript"), ("/icon.svg", "image/svg+xml")]
    {
        let asset = server.get(path);
        assert!(
            asset.status == 200
                && asset.header("content-type").starts_with(kind)
                && asset.header("x-content-type-options") == "nosniff"
        );
    }
}

#[test]
fn forms_work_without_scripts_and_from_own_pages_only() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let network = server.network(SMALL);
    let asked = send_form(
        &server,
        &format!("/networks/{network}"),
        &[("upper", "0.5"), ("labels", "run=1\nwho=anna"), ("do", "ask")],
    );
    let target = asked.header("location").to_owned();
    assert_eq!((asked.status, target.starts_with("/jobs/")), (303, true), "{}", asked.text());
    let id = target.trim_start_matches("/jobs/").to_owned();
    let job = server.job(&id);
    assert_eq!(
        (&job["problem"]["domain"]["upper"], &job["labels"]),
        (&json!(0.5), &json!({"run": "1", "who": "anna"}))
    );
    let looked = send_form(&server, &format!("/networks/{network}"), &[("do", "look")]);
    assert!(looked.status == 200 && looked.text().contains("class=\"unstable\""));

    let foreign =
        |headers: &[(&str, &str)]| server.call("POST", &format!("/jobs/{id}/cancel"), headers, Some(b"")).status;
    assert_eq!(foreign(&[]), 403, "a browser tells where a form comes from");
    assert_eq!(foreign(&[("origin", "http://evil.example")]), 403);
    assert_eq!(foreign(&[("origin", "null")]), 403);
    let own = format!("http://{}", server.address());
    assert_eq!(foreign(&[("origin", &own), ("sec-fetch-site", "cross-site")]), 403);
    assert_eq!(server.job(&id)["state"], "queued");
    let cancelled = send_form(&server, &format!("/jobs/{id}/cancel"), &[]);
    assert_eq!((cancelled.status, cancelled.header("location")), (303, target.as_str()));
    let again = send_form(&server, &format!("/jobs/{id}/cancel"), &[]);
    assert!(again.status == 409 && again.text().contains("Load it again"), "{}", again.text());
    let retried = send_form(&server, &format!("/jobs/{id}/retry"), &[]);
    assert_eq!(retried.status, 303);
    assert_ne!(retried.header("location"), target);
}

#[test]
fn a_page_stays_small_whatever_its_jobs_hold() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let name = "%3C".repeat(200);
    let network = server.upload(&format!("?name={name}"), &network_bytes(SMALL)).json();
    let labels: serde_json::Map<String, Value> =
        (0..32).map(|k| (format!("{k:02}{}", "<".repeat(250)), json!("&".repeat(256)))).collect();
    let estimates: Vec<Value> =
        (0..1000).map(|k| json!({"name": format!("{k}{}", "<".repeat(250)), "value": k})).collect();
    let problem = with(&small_problem(), json!({"labels": labels, "kind": "check", "estimates": estimates}));
    let jobs: Vec<String> = (0..60).map(|_| server.submit(network["id"].as_str().unwrap(), &problem)).collect();
    page(&server, "/");
    page(&server, &format!("/jobs/{}", jobs[0]));
    page(&server, &format!("/networks/{}?like={}", network["id"].as_str().unwrap(), jobs[0]));
}

#[test]
fn a_command_on_the_page_repeats_the_job() {
    let (directory, server) = Server::fresh(&[]);
    let job = server
        .submit(&server.network(SMALL), &with(&small_problem(), json!({"labels": {"it's": "a $(test) `x` \"y\""}})));
    server.finished(&job);
    let text = page(&server, &format!("/jobs/{job}")).text();
    let snippet = |label: &str| {
        let from = text.split(&format!("aria-label=\"{label}\">")).nth(1).unwrap();
        let escaped = from.split("</pre>").next().unwrap();
        escaped
            .replace("&#60;", "<")
            .replace("&#62;", ">")
            .replace("&#34;", "\"")
            .replace("&#39;", "'")
            .replace("&#38;", "&")
    };
    let shell = std::process::Command::new("sh").args(["-c", &snippet("The command")]).output().unwrap();
    let repeated: Value = serde_json::from_slice(&shell.stdout).unwrap_or_else(|e| panic!("{e}: {shell:?}"));
    assert_eq!((&repeated["problem"], &repeated["cached_from"]), (&server.job(&job)["problem"], &json!(job)));
    let program = directory.path().join("again.py");
    std::fs::write(&program, snippet("The program")).unwrap();
    let python = std::process::Command::new("python3").arg(&program).output().unwrap();
    let words = String::from_utf8(python.stdout).unwrap();
    assert!(words.starts_with("succeeded 0.33524"), "{words} {}", String::from_utf8_lossy(&python.stderr));
}
