//! How long an import takes, and the memory that it holds at most, as the allocator counts it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use exactlip::network::import::{ImportLimits, ImportOptions, import};
use serde_json::json;

/// The system's allocator, which counts.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn taken(bytes: usize) {
    let held = HELD.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(held, Ordering::Relaxed);
}

// SAFETY: every call is handed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        taken(size);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A field of a protobuf message with these bytes.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut head = vec![number << 3 | 2];
    let mut length = content.len();
    while length > 127 {
        head.push((length % 128) as u8 | 128);
        length /= 128;
    }
    head.push(length as u8);
    [&head, content].concat()
}

fn number(field: u8, mut value: usize) -> Vec<u8> {
    let mut bytes = vec![field << 3];
    while value > 127 {
        bytes.push((value % 128) as u8 | 128);
        value /= 128;
    }
    bytes.push(value as u8);
    bytes
}

fn initializer(name: &str, dims: &[usize]) -> Vec<u8> {
    let count: usize = dims.iter().product();
    let raw: Vec<u8> = (0..count).flat_map(|i| ((i % 97) as f32 / 970.0 - 0.05).to_le_bytes()).collect();
    let dims: Vec<u8> = dims.iter().flat_map(|&d| number(1, d)).collect();
    field(5, &[dims, number(2, 1), field(8, name.as_bytes()), field(9, &raw)].concat())
}

fn node(operator: &str, inputs: &[&str], output: &str) -> Vec<u8> {
    let inputs: Vec<u8> = inputs.iter().flat_map(|input| field(1, input.as_bytes())).collect();
    field(1, &[inputs, field(2, output.as_bytes()), field(4, operator.as_bytes())].concat())
}

/// An ONNX model of one input of these dimensions.
fn model(dims: &[usize], parts: &[Vec<u8>]) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|&d| field(1, &number(1, d))).collect();
    let kind = field(1, &[number(1, 1), field(2, &dims)].concat());
    let input = field(11, &[field(1, b"x"), field(2, &kind)].concat());
    let output = field(12, &field(1, b"y"));
    let graph = [&input[..], &output, &parts.concat()].concat();
    [number(1, 8), field(7, &graph), field(8, &number(2, 17))].concat()
}

/// Dense layers with ReLUs between, of these widths.
fn dense(widths: &[usize], with_relu: bool) -> Vec<u8> {
    let mut parts = Vec::new();
    let mut at = "x".to_owned();
    for (i, pair) in widths.windows(2).enumerate() {
        let weight = format!("w{i}");
        parts.push(initializer(&weight, pair));
        let last = i + 2 == widths.len();
        let made = if last { "y".to_owned() } else { format!("z{i}") };
        parts.push(node("MatMul", &[&at, &weight], &made));
        at = made;
        if with_relu && !last {
            parts.push(node("Relu", &[&at], &format!("h{i}")));
            at = format!("h{i}");
        }
    }
    model(&[1, widths[0]], &parts)
}

/// Convolutions of 16 channels with ReLUs, and a dense layer.
fn convolutions(size: usize, layers: usize) -> Vec<u8> {
    let mut parts = Vec::new();
    let (mut at, mut channels, mut side) = ("x".to_owned(), 3, size);
    for i in 0..layers {
        let weight = format!("w{i}");
        parts.push(initializer(&weight, &[16, channels, 3, 3]));
        parts.push(node("Conv", &[&at, &weight], &format!("z{i}")));
        parts.push(node("Relu", &[&format!("z{i}")], &format!("h{i}")));
        (at, channels, side) = (format!("h{i}"), 16, side - 2);
    }
    parts.push(node("Flatten", &[&at], "f"));
    parts.push(initializer("w", &[channels * side * side, 10]));
    parts.push(node("MatMul", &["f", "w"], "y"));
    model(&[1, 3, size, size], &parts)
}

fn json_network(widths: &[usize]) -> Vec<u8> {
    let layers: Vec<_> = widths
        .windows(2)
        .map(|pair| {
            let row: Vec<f64> = (0..pair[0]).map(|i| (i % 97) as f64 / 970.0 - 0.05).collect();
            json!({"weight": vec![row; pair[1]], "activation": "relu"})
        })
        .collect();
    json!({"layers": layers}).to_string().into_bytes()
}

fn nnet(widths: &[usize]) -> Vec<u8> {
    let list = |values: Vec<String>| values.join(",") + ",\n";
    let inputs = widths[0];
    let mut text = format!("{},{inputs},{},{},\n", widths.len() - 1, widths[widths.len() - 1], 512);
    text += &list(widths.iter().map(ToString::to_string).collect());
    text += "0,\n";
    for value in ["-1", "1"] {
        text += &list(vec![value.to_owned(); inputs]);
    }
    for value in ["0", "1"] {
        text += &list(vec![value.to_owned(); inputs + 1]);
    }
    for pair in widths.windows(2) {
        for _ in 0..pair[1] {
            text += &list((0..pair[0]).map(|i| format!("{:.6}", (i % 97) as f64 / 970.0 - 0.05)).collect());
        }
        text += &"0.125,\n".repeat(pair[1]);
    }
    text.into_bytes()
}

fn imports(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("import");
    group.sample_size(10);
    let options = ImportOptions {
        limits: ImportLimits { max_parameters: 1 << 26, ..ImportLimits::default() },
        ..ImportOptions::default()
    };
    for (name, bytes) in [
        ("onnx, dense, 52 MB", dense(&[1800, 1800, 1800, 1800, 1800, 10], true)),
        ("onnx, dense without activations, 37 MB", dense(&[784, 4096, 1500, 10], false)),
        ("onnx, five convolutions of 32 × 32", convolutions(32, 5)),
        ("nnet, 5 × 512", nnet(&[16, 512, 512, 512, 512, 8])),
        ("json, 784-256-256-10", json_network(&[784, 256, 256, 10])),
    ] {
        let before = HELD.load(Ordering::Relaxed);
        PEAK.store(before, Ordering::Relaxed);
        let network = import(&bytes, &options).expect("the file is read");
        let peak = PEAK.load(Ordering::Relaxed) - before;
        let parameters = network.parameters();
        println!(
            "{name}: a file of {:.1} MB, {parameters} parameters, {:.1} MB held at most",
            bytes.len() as f64 / 1e6,
            peak as f64 / 1e6
        );
        drop(network);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |b| b.iter(|| black_box(import(&bytes, &options))));
    }
    group.finish();
}

criterion_group!(benches, imports);
criterion_main!(benches);
