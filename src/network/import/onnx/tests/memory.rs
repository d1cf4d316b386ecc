//! What a small file takes before it is refused.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use super::*;

/// The system's allocator, which counts what each thread holds.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

// SAFETY: every call is handed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most that is held at once while a model is read, in bytes beyond what was held before, and whether it was read.
fn peak(model: &ModelProto) -> (isize, bool) {
    let bytes = model.encode_to_vec();
    assert!(bytes.len() < 25_000);
    let before = HELD.get();
    PEAK.set(before);
    let read = import(&bytes, &ImportOptions::default()).is_ok();
    (PEAK.get() - before, read)
}

/// An operator, its inputs, its output, and its attributes.
type Spelled<'a> = (&'a str, &'a [&'a str], &'a str, &'a [(&'a str, &'a [i64])]);

/// A model of one input of this shape, of statements `y = Operator(inputs)` with attributes as whole numbers behind a bracket.
fn spelled(shape: &[i64], constants: Vec<TensorProto>, nodes: &[Spelled]) -> ModelProto {
    let nodes = nodes.iter().map(|&(operator, inputs, output, attributes)| {
        let mut made = node(output, operator, inputs, output);
        made.attribute = attributes
            .iter()
            .map(|&(name, values)| AttributeProto {
                name: name.into(),
                ints: values.to_vec(),
                i: values[0],
                r#type: if name.starts_with("keep") { kind::ATTRIBUTE_INT } else { kind::ATTRIBUTE_INTS },
                ..AttributeProto::default()
            })
            .collect();
        made
    });
    let dims: Vec<Option<i64>> = shape.iter().map(|&d| Some(d)).collect();
    let graph = GraphProto {
        node: nodes.collect(),
        initializer: constants,
        input: vec![value("x", kind::TENSOR_FLOAT, &dims)],
        output: vec![value("y", kind::TENSOR_FLOAT, &[])],
        sparse_initializer: vec![],
    };
    let standard = OperatorSetIdProto { domain: String::new(), version: 17 };
    ModelProto { graph: Some(graph), opset_import: vec![standard], functions: vec![] }
}

#[test]
fn a_small_file_takes_little_memory_before_it_is_refused() {
    let whole = |name: &str, values: &[i64]| integers(name, values);
    let mut chain: Vec<Spelled> = vec![("Expand", &["x", "s"], "v0", &[])];
    let names: Vec<String> = (0..60).map(|i| format!("v{i}")).collect();
    let inputs: Vec<[&str; 2]> = names.iter().map(|name| [name.as_str(), "half"]).collect();
    for (i, inputs) in inputs.iter().enumerate().take(58) {
        chain.push(if i % 2 == 0 {
            ("Mul", inputs, &names[i + 1], &[])
        } else {
            ("Relu", &inputs[..1], &names[i + 1], &[])
        });
    }
    chain.push(("Mul", &inputs[58], "y", &[]));
    let ones = |count: usize| vec![1.0; count];
    for (what, model) in [
        ("a wide Expand", spelled(&[1, 1], vec![whole("s", &[1, 4_900_000])], &[("Expand", &["x", "s"], "y", &[])])),
        ("a wide Tile", spelled(&[1, 60_000], vec![whole("s", &[1, 80])], &[("Tile", &["x", "s"], "y", &[])])),
        (
            "a large constant",
            spelled(
                &[1, 1],
                vec![whole("s", &[1_900_000])],
                &[("ConstantOfShape", &["s"], "c", &[]), ("Sqrt", &["c"], "r", &[]), ("Mul", &["x", "r"], "y", &[])],
            ),
        ),
        (
            "a large constant that is moved",
            spelled(
                &[1, 1],
                vec![whole("s", &[1_000, 1_000]), whole("t", &[2, 2])],
                &[
                    ("ConstantOfShape", &["s"], "c", &[]),
                    ("Tile", &["c", "t"], "r", &[]),
                    ("Mul", &["x", "r"], "y", &[]),
                ],
            ),
        ),
        ("wide layers", spelled(&[1, 1], vec![whole("s", &[1, 60_000]), floats("half", &[1], &[0.5])], &chain)),
        (
            "convolutions of an image",
            spelled(
                &[1, 3, 140, 140],
                vec![floats("a", &[3, 3, 3, 3], &ones(81)), floats("b", &[3, 3, 3, 3], &ones(81))],
                &[("Conv", &["x", "a"], "c", &[("pads", &[1; 4])]), ("Conv", &["c", "b"], "y", &[("pads", &[1; 4])])],
            ),
        ),
        (
            "pools of an image",
            spelled(
                &[1, 1, 250, 250],
                vec![],
                &[("MaxPool", &["x"], "y", &[("kernel_shape", &[9, 9]), ("pads", &[4; 4])])],
            ),
        ),
    ] {
        let (peak, read) = peak(&model);
        assert!(!read && peak < 100_000_000, "{what}: {} MB, read: {read}", peak / 1_000_000);
    }
}
