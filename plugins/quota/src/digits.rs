//! Numbers as text, without what formatting in general costs in each request.

/// Adds the decimal digits of a number.
pub(crate) fn digits(mut number: u64, out: &mut String) {
    let mut reversed = [0; 20];
    let mut length = 0;
    for digit in &mut reversed {
        *digit = number % 10;
        number /= 10;
        length += 1;
        if number == 0 {
            break;
        }
    }
    let digits = reversed.iter().take(length).rev();
    out.extend(digits.map(|digit| char::from(b'0' + *digit as u8)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::digits;

    proptest! {
        #[test]
        fn digits_are_those_of_the_number(number: u64) {
            let mut out = String::from("=");
            digits(number, &mut out);
            prop_assert_eq!(out, format!("={number}"));
        }
    }
}
