//! A reader's way through the pages, in a real browser.

use serde_json::{Value, json};

use super::browser::{Browser, Look};
use crate::service::server::Server;
use crate::service::{LONG, SMALL, long_problem, network_file, small_problem, with};

#[test]
fn a_network_is_uploaded_asked_about_and_answered() {
    let (_directory, server) = Server::fresh(&[]);
    let Some(browser) = Browser::open(&server, Look::Light) else { return };
    browser.go("/");
    assert!(browser.text("main").contains("No jobs yet"));
    browser.screenshot("empty-light");
    browser.go("/networks");
    // A file that is none is refused beside the field.
    browser.choose("#file", &network_file("../published_upper_bounds.json"));
    browser.until("document.querySelector('#file-error')");
    assert!(browser.text("#file-error").contains("Nothing was stored"), "{}", browser.text("#file-error"));
    assert_eq!(server.stored(), (0, 0));
    browser.choose("#file", &network_file(SMALL));
    browser.until("document.querySelector('#ask')");
    assert!(browser.place().starts_with("/networks/"), "{}", browser.place());
    assert_eq!(browser.text("h1"), SMALL);
    // The neurons over the unit box are counted.
    browser.until("document.querySelector('.mix svg')");

    // Everything that is wrong is said beside its field.
    browser.fill("#target", "7");
    browser.fill("#upper", "-1");
    browser.click("#ask button[value=ask]");
    browser.until("document.querySelector('#target-error')");
    let target = browser.text("#target-error");
    assert!(target.contains("output 7 does not exist"), "{target}");
    assert!(!browser.text("#lower-error").is_empty());
    assert_eq!(browser.script("return document.querySelector('#target').getAttribute('aria-invalid')", vec![]), "true");
    assert_eq!(browser.script("return document.querySelector('#upper').value", vec![]), "-1");
    browser.screenshot("wrong-fields-light");
    assert_eq!(server.stored(), (1, 0));

    browser.fill("#target", "1");
    browser.fill("#upper", "1");
    browser.click("#ask button[value=ask]");
    browser.until("location.pathname.startsWith('/jobs/')");
    browser.until("document.querySelector('.figures .exact')");
    assert_eq!(browser.text(".figures .exact"), "0.33524");
    // A job that has ended is not watched any more, and can be run again.
    browser.until("document.querySelector('#live').textContent === ''");
    let first = browser.place();
    browser.click(".actions button");
    browser.until(&format!("location.pathname.startsWith('/jobs/') && location.pathname !== '{first}'"));
    assert_eq!(server.stored(), (1, 2));
}

#[test]
fn a_dropped_file_is_uploaded() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let Some(browser) = Browser::open(&server, Look::Light) else { return };
    browser.go("/networks");
    let bytes = std::fs::read(network_file(SMALL)).unwrap();
    let drop = "const transfer = new DataTransfer();\
                transfer.items.add(new File([new Uint8Array(arguments[0])], 'dropped.onnx'));\
                document.querySelector('[data-drop]').dispatchEvent(\
                new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true}))";
    browser.script(drop, vec![json!(bytes)]);
    browser.until("document.querySelector('#ask')");
    assert_eq!(browser.text("h1"), "dropped.onnx");
}

#[test]
fn pages_are_live_a_bracket_closes_before_the_readers_eyes_and_jobs_are_cancelled() {
    let (_directory, server) = Server::fresh(&["--workers", "1"]);
    let Some(browser) = Browser::open(&server, Look::Light) else { return };
    let busy = server.busy();
    // It waits behind the busy one: nothing can happen to it before the page is there.
    let waiting = server.submit(&server.network(SMALL), &small_problem());
    browser.go(&format!("/jobs/{waiting}"));
    browser.until("document.querySelector('#live').textContent === 'live'");
    assert!(browser.text("#history").contains("waits for a worker"));
    // What the reader sees, noted as it changes; a page that is loaded anew would forget it.
    let watch = "window.seen = []; const note = () => { const words = document.querySelector('#title .state').textContent\
                 .trim(); if (seen.at(-1) !== words) seen.push(words); }; note();\
                 new MutationObserver(note).observe(document.querySelector('#main'), \
                 {childList: true, subtree: true, characterData: true, attributes: true});";
    browser.script(watch, vec![]);
    assert!(
        browser
            .script("return document.querySelector('#figures').textContent", vec![])
            .as_str()
            .unwrap()
            .contains("open")
    );
    server.post_json(&format!("/v1/jobs/{busy}/cancel"), &json!({}));
    browser.until("document.querySelector('.figures .exact')");
    let seen = browser.script("return seen", vec![]);
    let seen: Vec<&str> = seen.as_array().unwrap().iter().map(|words| words.as_str().unwrap()).collect();
    assert!(seen.first().unwrap().starts_with("queued") && seen.last().unwrap().starts_with("succeeded"), "{seen:?}");
    assert!(browser.script("return document.querySelectorAll('#history svg').length", vec![]).as_u64() == Some(2));

    // The list is live, too: a job appears, runs and is cancelled by its page's button.
    browser.go("/");
    browser.until("document.querySelector('#live').textContent === 'live'");
    browser.script("window.kept = true; document.querySelector('.pick input').checked = true", vec![]);
    let long = server.submit(&server.network(LONG), &with(&long_problem(), json!({"seed": 7})));
    browser.until(&format!("document.querySelector('#job-{} .dot.running')", &long));
    browser.until(&format!("document.querySelector('#workers a[href=\"/jobs/{long}\"]')"));
    let kept = browser.script("return [window.kept, document.querySelectorAll('.pick input:checked').length]", vec![]);
    assert_eq!(kept, json!([true, 1]), "the page was not loaded anew, and what was picked stayed");
    browser.go(&format!("/jobs/{long}"));
    browser.click(".actions .danger");
    browser.until("document.querySelector('#title .dot.cancelled')");
    browser.until("document.querySelector('.actions form[action$=retry]')");
    assert_eq!(server.job(&long)["state"], "cancelled");
}

#[test]
fn jobs_are_filtered_by_what_the_address_says() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let Some(browser) = Browser::open(&server, Look::Light) else { return };
    let (small, long) = (server.network(SMALL), server.network(LONG));
    let labelled = |labels: Value| server.submit(&small, &with(&small_problem(), json!({"labels": labels})));
    let wanted = labelled(json!({"run": "42", "who": "Ännchen"}));
    let cancelled = labelled(json!({"run": "42"}));
    labelled(json!({"run": "43"}));
    let other = server.submit(&long, &long_problem());
    server.post_json(&format!("/v1/jobs/{cancelled}/cancel"), &json!({}));
    let shown = || -> Vec<String> {
        let rows = "return [...document.querySelectorAll('.jobs tbody tr')].map((row) => row.id.slice(4))";
        serde_json::from_value(browser.script(rows, vec![])).unwrap()
    };
    browser.go("/");
    assert_eq!(shown().len(), 4);
    browser.fill(".filters [name=label]", "run=42");
    browser.click(".filters button");
    browser.until("location.search.includes('label=run%3D42')");
    assert_eq!(shown(), [cancelled.clone(), wanted.clone()]);
    browser.click(".tabs a[href*='state=cancelled']");
    browser.until("location.search.includes('state=cancelled')");
    assert_eq!(shown(), [cancelled]);
    browser.go("/?text=annch");
    assert_eq!(shown(), [wanted], "words are found by their beginnings, without their accents");
    browser.go(&format!("/?network={long}&kind=lipschitz"));
    assert_eq!(shown(), [other]);
    browser.go("/?text=nowhere");
    assert!(browser.text("#jobs").contains("No job matches"));
    browser.screenshot("no-match-light");
}
