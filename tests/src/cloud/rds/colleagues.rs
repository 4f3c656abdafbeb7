//! What people do about DB instances that were restored.

use jiff::Timestamp;

use super::Rds;

/// What somebody else does about instances that were restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// A colleague restores one by hand, named as verifications are, and the tags of the newest of those come along.
    RestoreAlike(String),
    /// A colleague deletes the newest that was restored.
    DeleteNewest,
    /// A colleague takes all tags off the newest that was restored.
    Untag,
    /// So many DB instances are allowed.
    Quota(i64),
    /// As many DB instances are allowed as there are.
    QuotaFull,
}

impl Rds {
    /// Somebody does something about instances that were restored. Whether anything changed.
    pub fn act_on_restored(&mut self, act: &Act, now: Timestamp) -> bool {
        self.advance(now);
        let newest = self.restored.iter().filter(|(name, one)| is_scratch(name) && one.status(now) == "available");
        let newest = newest.max_by_key(|(_, one)| one.made()).map(|(name, _)| name.clone());
        match act {
            Act::Quota(most) => self.instances = *most,
            Act::QuotaFull => self.instances = self.used_instances(),
            Act::RestoreAlike(name) => {
                let Some(one) = newest.and_then(|newest| self.restored.get(&newest)).cloned() else { return false };
                let place: Vec<&str> = one.arn.split(':').take(6).collect();
                let arn = format!("{}:{name}", place.join(":"));
                let mut made = self.made(name, (one.source, one.snapshot), (arn, one.set_up), now);
                made.tags = one.tags;
                self.restored.insert(name.clone(), made);
            }
            Act::DeleteNewest => return newest.is_some_and(|name| self.delete_instance(&name, now).is_ok()),
            Act::Untag => {
                let Some(one) = newest.and_then(|newest| self.restored.get_mut(&newest)) else { return false };
                one.tags.clear();
            }
        }
        true
    }
}

fn is_scratch(name: &str) -> bool {
    name.starts_with("rbv-")
}
