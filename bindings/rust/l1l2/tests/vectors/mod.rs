//! What tests/conformance/vectors.txt writes, which describes it, read and written.

use l1l2::{Element, ExactSums};
use std::{mem, ptr, slice};

pub fn hex(digits: &str) -> u64 {
    u64::from_str_radix(digits, 16).unwrap()
}

pub fn double(digits: &str) -> f64 {
    f64::from_bits(hex(digits))
}

pub fn number(value: f64) -> Vec<u8> {
    format!("{:016x}", value.to_bits()).into_bytes()
}

pub fn bytes(digits: &str) -> Vec<u8> {
    let value = |digit: u8| if digit < b'a' { digit.wrapping_sub(b'0') } else { digit - b'a' + 10 };
    digits.as_bytes().chunks_exact(2).map(|pair| 16 * value(pair[0]) + value(pair[1])).collect()
}

/// The bytes of an array, the highest of each element first, all elements written out.
pub fn unrolled(dtype: &str, array: &str) -> Vec<u8> {
    let size = [("float64", 8), ("float32", 4)].iter().find(|(name, _)| *name == dtype);
    let (n, digits) = array.split_once(':').unwrap();
    let (n, given) = (n.parse::<usize>().unwrap(), bytes(digits));
    let size = n * size.map_or(2, |(_, size)| *size);
    given.repeat(size / given.len().max(1) + 1)[..size].to_vec()
}

/// Elements of such bytes, or bytes of elements, on a little-endian machine.
pub fn array<T: Element>(mut bytes: Vec<u8>) -> Vec<T> {
    bytes.chunks_mut(mem::size_of::<T>()).for_each(<[u8]>::reverse);
    let elements = bytes.chunks(mem::size_of::<T>());
    // SAFETY: any bytes are an element.
    elements.map(|bytes| unsafe { ptr::read_unaligned(bytes.as_ptr().cast()) }).collect()
}

pub fn reversed<T: Element>(x: &[T]) -> Vec<u8> {
    // SAFETY: elements have no padding.
    let bytes = unsafe { slice::from_raw_parts(x.as_ptr().cast::<u8>(), mem::size_of_val(x)) };
    let mut bytes = bytes.to_vec();
    bytes.chunks_mut(mem::size_of::<T>()).for_each(<[u8]>::reverse);
    bytes
}

pub fn numbers(text: &str) -> Vec<i64> {
    let mut numbers = vec![0; ExactSums::LENGTH];
    for (index, number) in text.split(',').filter_map(|item| item.split_once(':')) {
        numbers[index.parse::<usize>().unwrap()] = hex(number) as i64;
    }
    numbers
}
