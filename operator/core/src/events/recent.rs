//! A memory that forgets: the ids that were seen last.

use std::collections::{HashSet, VecDeque};

/// Longest id that is remembered, in bytes. AWS's are UUIDs; what is longer is a stranger's.
const LONGEST: usize = 128;

/// The last so many ids.
#[derive(Clone, Debug)]
pub struct Recent {
    most: usize,
    order: VecDeque<String>,
    known: HashSet<String>,
}

impl Recent {
    /// Remembers nothing yet, and never more than `most`.
    pub fn new(most: usize) -> Self {
        Self { most, order: VecDeque::new(), known: HashSet::new() }
    }

    /// Remembers an id, and says whether it is new. The oldest is forgotten for it.
    pub fn insert(&mut self, id: &str) -> bool {
        if id.len() > LONGEST {
            return true;
        }
        if !self.known.insert(id.into()) {
            return false;
        }
        self.order.push_back(id.into());
        while self.order.len() > self.most {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
        true
    }

    /// Whether an id is among them.
    pub fn contains(&self, id: &str) -> bool {
        self.known.contains(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut recent = Recent::new(2);
        assert_eq!(["a", "b", "a", "c"].map(|id| recent.insert(id)), [true, true, false, true]);
        assert_eq!(["a", "b", "c"].map(|id| recent.contains(id)), [false, true, true]);
    }

    #[test]
    fn what_a_stranger_makes_long_takes_no_room() {
        let mut recent = Recent::new(2);
        let long = "x".repeat(LONGEST + 1);
        assert!(recent.insert(&long) && !recent.contains(&long));
    }
}
