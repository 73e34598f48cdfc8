//! Regularizers and exact sums by way of serde, in a format for human readers and a binary one.
#![cfg(feature = "serde")]

use l1l2::{ExactSums, Regularizer};
use serde::de::value::{BytesDeserializer, Error, MapDeserializer};
use serde::de::IntoDeserializer;
use serde::Deserialize;

#[test]
fn a_regularizer_is_the_configuration_of_keras() {
    let made = Regularizer::new(0.01, 1e-30).unwrap();
    let json = serde_json::to_string(&made).unwrap();
    assert_eq!(json, r#"{"l1":0.01,"l2":1e-30}"#);
    assert_eq!(serde_json::from_str::<Regularizer>(&json).unwrap(), made);
    assert_eq!(serde_json::to_value(&made).unwrap(), serde_json::json!({"l1": 0.01, "l2": 1e-30}));
}

#[test]
fn it_is_read_from_every_form_of_keras() {
    for (json, l1, l2) in [
        (r#"{"l1": 0.1, "l2": 5e-324}"#, 0.1, 5e-324),
        (r#"{"l2": 2, "l1": 18446744073709551615}"#, 18446744073709551615.0, 2.0),
        (r#"{}"#, 0.0, 0.0),
        (r#"{"l1": 1, "l1": 1.7976931348623157e308}"#, 1.7976931348623157e308, 0.0),
        (r#"{"class_name": "L2", "config": {"l2": null}}"#, 0.0, 0.01),
        (r#"{"class_name": "L1", "config": {}}"#, 0.01, 0.0),
        (
            r#"{"module": "keras.regularizers", "class_name": "L1L2", "config": {"l1": 0.5,
                "l2": 0.25}, "registered_name": null, "other": [1, -2, true, [], {}, "\"\\\n\u00e9"]}"#,
            0.5,
            0.25,
        ),
        (r#"{"name": "WeightRegularizer", "l1": 0.0, "l2": 0.5}"#, 0.0, 0.5),
        (r#""l1_l2""#, 0.01, 0.01),
    ] {
        let read: Regularizer = serde_json::from_str(json).expect(json);
        assert_eq!((read.l1(), read.l2()), (l1, l2), "{json}");
    }
}

#[test]
fn what_is_no_regularizer_is_refused_in_the_librarys_words() {
    for json in [
        r#"{"l3": 1}"#,
        r#"{"l1": -1}"#,
        r#"{"l1": "0.1"}"#,
        r#"{"class_name": "Orthogonal\"\\Regularizer", "config": {}}"#,
        r#""l3""#,
        "[0.1, 0.2]",
        "null",
        "1.5",
    ] {
        let error = serde_json::from_str::<Regularizer>(json).unwrap_err().to_string();
        let words = Regularizer::from_json(json).unwrap_err().to_string();
        assert!(error.starts_with(&words), "{json}: {error}, {words}");
    }
    assert!(serde_json::from_str::<Regularizer>("{\"l1\": 1").unwrap_err().is_eof());
    for wrong in [f64::NAN, f64::INFINITY] {
        let map = MapDeserializer::<_, Error>::new([("l1", wrong)].into_iter());
        let error = Regularizer::deserialize(map).unwrap_err();
        assert!(error.to_string().ends_with("expected a finite number"), "{error}");
    }
}

#[test]
fn a_binary_format_has_the_two_coefficients() {
    let made = Regularizer::new(0.5, 2.0).unwrap();
    let bytes = bincode::serialize(&made).unwrap();
    assert_eq!(bytes, [0, 0, 0, 0, 0, 0, 0xe0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0x40]);
    assert_eq!(bincode::deserialize::<Regularizer>(&bytes).unwrap(), made);
    let negative = bincode::serialize(&(0.5, -2.0)).unwrap();
    assert!(bincode::deserialize::<Regularizer>(&negative).is_err());
}

/// Of two float32 numbers, from tests/conformance/vectors.txt: indices and numbers that are not 0.
const NUMBERS: [(usize, u32); 6] = [
    (0, 0x6c31_6c01),
    (1, 0x1500_a495),
    (2, 2),
    (38, 0xee73_d780),
    (139, 0xbbf5_4000),
    (140, 0x906b_31b8),
];

#[test]
fn exact_sums_are_their_bytes() {
    let sums: ExactSums = [0xbf38_93ab, 0x3e57_80b2].map(f32::from_bits).into_iter().collect();
    let mut expected = vec![0; ExactSums::BYTES];
    for (index, number) in NUMBERS {
        expected[8 * index..8 * index + 4].copy_from_slice(&number.to_le_bytes());
    }
    assert_eq!(sums.to_bytes()[..], expected);
    assert_eq!(ExactSums::from_bytes(&expected), Ok(sums.clone()));

    let json = serde_json::to_string(&sums).unwrap();
    assert_eq!(json, serde_json::to_string(&expected).unwrap());
    assert_eq!(serde_json::from_str::<ExactSums>(&json).unwrap(), sums);
    let binary = bincode::serialize(&sums).unwrap();
    assert_eq!(binary[8..], expected); // after the length
    assert_eq!(bincode::deserialize::<ExactSums>(&binary).unwrap(), sums);
    let bytes: BytesDeserializer<Error> = expected[..].into_deserializer();
    assert_eq!(ExactSums::deserialize(bytes), Ok(sums));
}

#[test]
fn bytes_that_are_no_exact_sums_are_refused() {
    let mut damaged = ExactSums::new().to_bytes();
    damaged[100] = 1;
    for bytes in [&damaged[..], &damaged[1..], &[], &[0; ExactSums::BYTES + 1]] {
        assert!(ExactSums::from_bytes(bytes).is_err());
        let json = serde_json::to_string(bytes).unwrap();
        assert!(serde_json::from_str::<ExactSums>(&json).is_err(), "{}", bytes.len());
    }
    let endless = serde_json::to_string(&vec![0; 2 * ExactSums::BYTES]).unwrap();
    let error = serde_json::from_str::<ExactSums>(&endless).unwrap_err().to_string();
    assert!(error.starts_with("invalid length 1657, expected the bytes of exact sums"), "{error}");
    assert!(serde_json::from_str::<ExactSums>("[256]").is_err());
    assert!(serde_json::from_str::<ExactSums>("{}").is_err());
}
