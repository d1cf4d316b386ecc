//! The windows that convolutions and pools slide over the axes behind batch and channels.

use super::super::tensor::{positions, size, strides};
use super::Call;

/// Windows over some axes.
pub(super) struct Geometry {
    /// The sizes of the axes.
    pub input: Vec<usize>,
    /// The sizes of the window.
    pub kernel: Vec<usize>,
    /// The number of windows along each axis.
    pub output: Vec<usize>,
    pub strides: Vec<usize>,
    pub dilations: Vec<usize>,
    /// Entries of padding before each axis, and behind it.
    pub begins: Vec<usize>,
    pub ends: Vec<usize>,
}

/// The largest number of entries along an axis, padding included.
const LONGEST: usize = 1 << 24;

impl Geometry {
    /// The windows of a node with the attributes `strides`, `pads`, `auto_pad`, `dilations` and `ceil_mode`.
    pub(super) fn new(call: &Call, input: &[usize], kernel: &[usize]) -> Result<Self, String> {
        let rank = input.len();
        if let Some(stated) = call.ints("kernel_shape")?
            && !stated.iter().map(|&d| usize::try_from(d).unwrap_or(0)).eq(kernel.iter().copied())
        {
            return Err(format!("its `kernel_shape` is {stated:?}, its weights have {kernel:?}"));
        }
        if kernel.len() != rank || kernel.contains(&0) || input.contains(&0) {
            return Err(format!("slides windows of {kernel:?} over axes of {input:?}"));
        }
        let strides = whole(call, "strides", rank, 1)?;
        let dilations = whole(call, "dilations", rank, 1)?;
        let pads = pads(call, rank)?;
        let ceil = call.flag("ceil_mode")?;
        let (mut begins, mut ends) = (pads[..rank].to_vec(), pads[rank..].to_vec());
        let auto = call.text("auto_pad", "NOTSET")?;
        let mut output = Vec::new();
        for axis in 0..rank {
            let span = dilations[axis].saturating_mul(kernel[axis] - 1).saturating_add(1);
            let stride = strides[axis];
            match auto.as_str() {
                "NOTSET" | "" => {}
                "VALID" => (begins[axis], ends[axis]) = (0, 0),
                "SAME_UPPER" | "SAME_LOWER" => {
                    let windows = input[axis].div_ceil(stride);
                    let total = ((windows - 1) * stride).saturating_add(span).saturating_sub(input[axis]);
                    let (small, large) = (total / 2, total - total / 2);
                    (begins[axis], ends[axis]) = if auto == "SAME_UPPER" { (small, large) } else { (large, small) };
                }
                other => return Err(format!("the `auto_pad` {other:?} is not known")),
            }
            let padded = input[axis].saturating_add(begins[axis]).saturating_add(ends[axis]);
            if padded > LONGEST || padded < span {
                return Err(format!("slides a window that spans {span} entries over {padded}, padding included"));
            }
            let mut windows = if ceil { (padded - span).div_ceil(stride) } else { (padded - span) / stride } + 1;
            // No window starts behind the input.
            if ceil && (windows - 1) * stride >= input[axis] + begins[axis] {
                windows -= 1;
            }
            output.push(windows);
        }
        Ok(Self { input: input.to_vec(), kernel: kernel.to_vec(), output, strides, dilations, begins, ends })
    }

    /// The number of windows.
    pub(super) fn windows(&self) -> usize {
        size(&self.output).unwrap_or(usize::MAX)
    }

    /// The entries of a window that lie in the input: each with its place in the kernel and in the plane of the input.
    pub(super) fn entries(&self, window: &[usize]) -> Vec<(usize, usize)> {
        let steps = strides(&self.input);
        positions(&self.kernel)
            .enumerate()
            .filter_map(|(at, offset)| {
                let mut place = 0;
                for (axis, &o) in offset.iter().enumerate() {
                    let position = self.position(window, axis, o).checked_sub(self.begins[axis])?;
                    (position < self.input[axis]).then_some(())?;
                    place += position * steps[axis];
                }
                Some((at, place))
            })
            .collect()
    }

    /// The number of a window's entries that lie in the input or its padding.
    pub(super) fn padded_entries(&self, window: &[usize]) -> usize {
        positions(&self.kernel)
            .filter(|offset| {
                offset.iter().enumerate().all(|(axis, &o)| {
                    self.position(window, axis, o) < self.input[axis] + self.begins[axis] + self.ends[axis]
                })
            })
            .count()
    }

    /// A place along an axis, counted from the start of the padding.
    fn position(&self, window: &[usize], axis: usize, offset: usize) -> usize {
        window[axis] * self.strides[axis] + offset * self.dilations[axis]
    }
}

/// An attribute of one positive whole number an axis.
pub(super) fn whole(call: &Call, name: &str, rank: usize, default: usize) -> Result<Vec<usize>, String> {
    let Some(values) = call.ints(name)? else { return Ok(vec![default; rank]) };
    let read = values.iter().map(|&v| usize::try_from(v).ok().filter(|&v| v > 0 && v <= LONGEST));
    let read: Option<Vec<usize>> = read.collect();
    let read = read.filter(|read| read.len() == rank);
    read.ok_or_else(|| format!("its `{name}` are {values:?}: {rank} positive numbers are needed"))
}

/// The attribute `pads`: the beginnings of all axes, then their ends.
pub(super) fn pads(call: &Call, rank: usize) -> Result<Vec<usize>, String> {
    let Some(values) = call.ints("pads")? else { return Ok(vec![0; 2 * rank]) };
    let read: Option<Vec<usize>> = values.iter().map(|&v| usize::try_from(v).ok().filter(|&v| v <= LONGEST)).collect();
    let read = read.filter(|read| read.len() == 2 * rank);
    read.ok_or_else(|| format!("its `pads` are {values:?}: {} numbers of at least 0 are needed", 2 * rank))
}
