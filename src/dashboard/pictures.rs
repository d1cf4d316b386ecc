//! A witness as pictures: the input where it is an image, and its gradient as a heat map.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::answer::Witness;
use crate::http::{ApiError, Code, Segment, Service};

/// The smallest image worth a look, in pixels a side.
const SMALLEST: usize = 4;

/// The shape of an input that is an image: channels stand one behind the other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Shape {
    /// 1, or 3 for red, green and blue.
    pub(super) channels: usize,
    /// Pixels a side.
    pub(super) side: usize,
}

impl Shape {
    /// The shape of an image with that many inputs; `None` when no square image has so many.
    pub(super) fn of(inputs: usize) -> Option<Self> {
        [1, 3].into_iter().find_map(|channels| {
            let side = (inputs / channels).isqrt();
            (side >= SMALLEST && side * side * channels == inputs).then_some(Self { channels, side })
        })
    }
}

/// The input of a job's witness as a picture.
pub(super) async fn input(State(service): State<Service>, Segment(id): Segment) -> Result<Response, ApiError> {
    let (witness, shape) = witness(&service, &id).await?;
    let pixels = input_pixels(&witness.x, shape);
    png(&pixels, shape.side, if shape.channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb })
}

/// The gradient of a job's witness as a heat map: red where the function grows with the input, blue where it falls.
pub(super) async fn gradient(State(service): State<Service>, Segment(id): Segment) -> Result<Response, ApiError> {
    let (witness, shape) = witness(&service, &id).await?;
    png(&gradient_pixels(&witness.gradient, shape), shape.side, png::ColorType::Rgb)
}

async fn witness(service: &Service, id: &str) -> Result<(Witness, Shape), ApiError> {
    let missing = || ApiError::new(Code::NotFound, format!("the job {id} has no witness that is an image"));
    let mut job = service.job(id).await?;
    let witness = job.result.as_mut().and_then(|result| serde_json::from_value(result["witness"].take()).ok());
    let witness: Witness = witness.ok_or_else(missing)?;
    let shape = Shape::of(witness.x.len()).filter(|_| witness.gradient.len() == witness.x.len());
    Ok((witness, shape.ok_or_else(missing)?))
}

/// Black is the smallest value, white the largest; inputs within [0, 1] keep their own brightness.
fn input_pixels(x: &[f64], shape: Shape) -> Vec<u8> {
    let (low, high) = x.iter().fold((0.0f64, 1.0f64), |(low, high), &v| (low.min(v), high.max(v)));
    let count = shape.side * shape.side;
    let byte = |v: f64| (255.0 * (v - low) / (high - low)).round() as u8;
    (0..count).flat_map(|pixel| (0..shape.channels).map(move |c| byte(x[c * count + pixel]))).collect()
}

/// White is 0; a pixel's channels are added.
fn gradient_pixels(gradient: &[f64], shape: Shape) -> Vec<u8> {
    let count = shape.side * shape.side;
    let sums: Vec<f64> =
        (0..count).map(|pixel| (0..shape.channels).map(|c| gradient[c * count + pixel]).sum()).collect();
    let largest = sums.iter().fold(0.0f64, |largest, sum| largest.max(sum.abs()));
    sums.iter().flat_map(|sum| heat(if largest > 0.0 { sum / largest } else { 0.0 })).collect()
}

/// A colour between blue (-1), white (0) and red (1).
fn heat(share: f64) -> [u8; 3] {
    let end = if share < 0.0 { [0x21, 0x5F, 0x9A] } else { [0xB2, 0x3A, 0x2E] };
    // A root keeps small values visible.
    let weight = share.abs().min(1.0).sqrt();
    end.map(|c: u8| (255.0 + weight * (f64::from(c) - 255.0)).round() as u8)
}

fn png(pixels: &[u8], side: usize, color: png::ColorType) -> Result<Response, ApiError> {
    let mut bytes = Vec::new();
    let side = u32::try_from(side).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(pixels)?;
        writer.finish()
    });
    written.map_err(|error| {
        tracing::error!(%error, "a picture could not be written");
        ApiError::new(Code::Internal, "the picture could not be written")
    })?;
    Ok(([(header::CONTENT_TYPE, "image/png")], bytes).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn square_inputs_are_images_and_others_are_not() {
        let shape = |inputs| Shape::of(inputs).map(|shape| (shape.channels, shape.side));
        assert_eq!(shape(784), Some((1, 28)));
        assert_eq!(shape(3072), Some((3, 32)));
        assert!([0, 1, 2, 4, 12, 10, 783].iter().all(|n| shape(*n).is_none()));
    }

    #[test]
    fn a_heat_map_is_white_at_zero_and_far_from_it_at_the_ends() {
        assert_eq!((heat(0.0), heat(1.0), heat(-1.0)), ([255; 3], [0xB2, 0x3A, 0x2E], [0x21, 0x5F, 0x9A]));
        assert!(gradient_pixels(&[0.0; 16], Shape { channels: 1, side: 4 }).iter().all(|byte| *byte == 255));
    }

    #[test]
    fn channels_are_put_pixel_by_pixel() {
        let shape = Shape { channels: 3, side: 1 };
        assert_eq!(input_pixels(&[0.0, 1.0, 0.2], shape), [0, 255, 51]);
    }
}
