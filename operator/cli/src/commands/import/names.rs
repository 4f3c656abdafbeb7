//! Names of objects, made of names of services: computed, so that a second import writes the same.

use std::collections::BTreeSet;

use runbook_core::backoff::seed_of;

/// The schema allows no longer ones.
const LONGEST: usize = 40;

/// A name for each service, each another.
pub fn of<'s>(services: impl Iterator<Item = &'s str>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    services
        .map(|service| {
            let plain = plain(service);
            let fits = plain == service && service.len() <= LONGEST;
            let name = if fits && !taken.contains(&plain) { plain } else { hashed(&plain, service) };
            taken.insert(name.clone());
            name
        })
        .collect()
}

/// As Kubernetes takes it, whatever the length.
fn plain(service: &str) -> String {
    service.to_lowercase().replace('_', "-").trim_matches('-').to_owned()
}

/// What is left of it, and a hash of the whole: services that differ in what is lost have different names.
fn hashed(plain: &str, service: &str) -> String {
    let hash = format!("{:08x}", seed_of(service) & 0xffff_ffff);
    let kept: String = plain.chars().take(LONGEST - hash.len() - 1).collect();
    match kept.trim_end_matches('-') {
        "" => format!("service-{hash}"),
        kept => format!("{kept}-{hash}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_valid_different_and_the_same_each_time() {
        let long = "a-service-with-a-name-that-goes-on-and-on-and-on";
        let services = ["web", "Web", "web_", "_", long, &format!("{long}x")];
        let names = of(services.into_iter());
        assert_eq!(names[0], "web");
        assert!(
            names[1].starts_with("web-") && names[2].starts_with("web-") && names[3].starts_with("service-"),
            "{names:?}"
        );
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), services.len(), "{names:?}");
        assert!(names.iter().all(|name| name.len() <= LONGEST && !name.ends_with('-')), "{names:?}");
        assert_eq!(names, of(services.into_iter()));
    }
}
