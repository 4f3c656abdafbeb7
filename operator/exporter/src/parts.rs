//! How large the parts of an upload are.
//!
//! Source: Amazon S3 User Guide, "Amazon S3 multipart upload limits": 10,000 parts of 5 MiB to 5 GiB, the last one of any size, and
//! objects of at most 5 TiB. How large a dump becomes is known at its end only, and a part is held in memory until S3 has it; so
//! parts begin small and grow.

/// The parts that an upload may have.
pub const MOST: u32 = 10_000;
/// How large the first parts are, and how much larger they become each time.
const UNIT: usize = 8 << 20;
/// So many parts have one size.
const SAME: u32 = 75;

/// Bytes of a part, from 1 on. None after the last that an upload may have.
pub fn size(number: u32) -> Option<usize> {
    let larger = number.checked_sub(1).filter(|before| *before < MOST)? / SAME;
    usize::try_from(larger + 1).ok().map(|units| units * UNIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_object_fits_and_every_part_is_legal() {
        let sizes: Vec<usize> = (1..=MOST).map(|number| size(number).unwrap()).collect();
        assert!(sizes.iter().sum::<usize>() >= 5 << 40);
        assert!(sizes.iter().all(|size| (5 << 20..=5 << 30).contains(size)));
        assert!(sizes.is_sorted());
        assert_eq!((size(0), size(MOST + 1)), (None, None));
    }

    #[test]
    fn what_is_held_in_memory_grows_slowly() {
        let largest_of = |bytes: usize| {
            let mut left = bytes;
            (1..).map_while(size).find(|size| {
                left = left.saturating_sub(*size);
                left == 0
            })
        };
        assert_eq!(largest_of(600 << 20), Some(8 << 20));
        assert_eq!(largest_of(10 << 30), Some(48 << 20));
        assert_eq!(largest_of(100 << 30), Some(144 << 20));
    }
}
