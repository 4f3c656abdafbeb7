//! ARNs and IAM's wildcards.

/// The partition that a region belongs to (AWS General Reference, "Amazon Resource Names").
pub fn partition_of(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ if region.starts_with("us-iso-") => "aws-iso",
        _ if region.starts_with("us-isob-") => "aws-iso-b",
        _ if region.starts_with("eu-isoe-") => "aws-iso-e",
        _ if region.starts_with("us-isof-") => "aws-iso-f",
        _ if region.starts_with("eusc-") => "aws-eusc",
        _ => "aws",
    }
}

/// Whether an ARN matches a pattern in which `*` stands for any characters and `?` for one, within each of the ARN's first five
/// colon-separated parts and anywhere in the sixth (IAM User Guide, "Resource": a wildcard does not cross into another part).
pub fn matches(pattern: &str, arn: &str) -> bool {
    let mut patterns = pattern.splitn(6, ':');
    let mut parts = arn.splitn(6, ':');
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) if glob(pattern.as_bytes(), part.as_bytes()) => {}
            _ => return false,
        }
    }
}

/// Greedy matching with one point to come back to: linear in practice, and at worst pattern × text, so that no pattern hangs.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == b'?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((star_p, star_t)) => {
                    star = Some((star_p, star_t + 1));
                    p = star_p + 1;
                    t = star_t + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "arn:aws:ecs:eu-central-1:123456789012:service/clocked-cluster/clocked-app-service";

    #[test]
    fn wildcards_match_as_iam_does() {
        for (pattern, expected) in [
            (SERVICE, true),
            ("arn:aws:ecs:*:*:service/clocked-cluster/*", true),
            ("arn:aws:ecs:*:*:service/clocked-cluster/clocked-???-service", true),
            ("arn:aws:ecs:*:*:service/clocked-cluster/clocked-??-service", false),
            ("arn:aws:ecs:*:*:service/*", true),
            ("arn:aws:ecs:*:*:service/clocked-cluster", false),
            ("arn:aws:ecs:*:*:service/clocked/*", false),
            ("arn:aws:ecs:eu-west-1:*:service/*", false),
            ("arn:aws:ecs:*", false),
            ("*", false),
            ("arn:*:*:*:*:*", true),
            ("", false),
        ] {
            assert_eq!(matches(pattern, SERVICE), expected, "{pattern}");
        }
    }

    #[test]
    fn a_hostile_pattern_ends() {
        let pattern = format!("arn:aws:ecs:*:*:{}b", "a*".repeat(200));
        let arn = format!("arn:aws:ecs:r:1:{}", "a".repeat(2000));
        assert!(!matches(&pattern, &arn));
    }

    #[test]
    fn partitions_follow_from_regions() {
        for (region, partition) in [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
        {
            assert_eq!(partition_of(region), partition);
        }
    }
}
