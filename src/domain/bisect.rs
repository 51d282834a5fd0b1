//! The highest number that fits, where all below it fit and none above it does.

use std::ops::RangeInclusive;

/// The highest number of `range` that `fits`. That the first one does is taken for granted.
pub fn highest(range: RangeInclusive<u64>, fits: impl Fn(u64) -> bool) -> u64 {
    let (mut fitting, last) = range.into_inner();
    if fits(last) {
        return last;
    }
    let mut too_much = last;
    while too_much.saturating_sub(fitting) > 1 {
        let middle = fitting + (too_much - fitting) / 2;
        if fits(middle) {
            fitting = middle;
        } else {
            too_much = middle;
        }
    }
    fitting
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ends_of_the_range_are_found_too() {
        assert_eq!(highest(0..=u64::MAX, |_| true), u64::MAX);
        assert_eq!(highest(0..=u64::MAX, |n| n == 0), 0);
        assert_eq!(highest(7..=7, |n| n == 7), 7);
        assert_eq!(highest(7..=8, |n| n == 7), 7);
    }

    proptest! {
        #[test]
        fn it_fits_and_the_next_one_does_not(first: u64, length: u64, most: u64) {
            let last = first.saturating_add(length);
            let most = most.clamp(first, last);
            prop_assert_eq!(highest(first..=last, |n| n <= most), most);
        }
    }
}
