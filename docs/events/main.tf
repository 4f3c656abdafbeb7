# What a region of an account needs so that the operator learns of changes within seconds: a queue, and the rules that fill it.
# Apply it once for each region in spec.regions, and write the output queue_url into spec.events of the AwsAccount. docs/events.md.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "queue_name" {
  description = "Name of the queue. One queue for each operator, because a message goes to one receiver only."
  type        = string
  default     = "runbook-events"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,74}$", var.queue_name))
    error_message = "The name has 1 to 74 letters, digits, hyphens and underscores."
  }
}

locals {
  # The patterns of the rules, by the end of their names.
  patterns = {
    services = "service-events.json"
    # Needs a trail of CloudTrail that records management events that write.
    calls = "api-calls.json"
  }
}

resource "aws_sqs_queue" "events" {
  name                    = var.queue_name
  sqs_managed_sse_enabled = true
  # What is older says nothing that the operator's resync has not found.
  message_retention_seconds  = 3600
  visibility_timeout_seconds = 30
  receive_wait_time_seconds  = 20
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 5
  })
}

# Received and never deleted, or not taken by the queue: something is wrong with permissions.
resource "aws_sqs_queue" "dead" {
  name                      = "${var.queue_name}-dead"
  sqs_managed_sse_enabled   = true
  message_retention_seconds = 345600
}

data "aws_iam_policy_document" "send" {
  for_each = {
    events = aws_sqs_queue.events.arn
    dead   = aws_sqs_queue.dead.arn
  }

  statement {
    sid       = "OnlyTheseRules"
    effect    = "Allow"
    actions   = ["sqs:SendMessage"]
    resources = [each.value]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for rule in aws_cloudwatch_event_rule.events : rule.arn]
    }
  }

  statement {
    sid       = "OnlyEncrypted"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "events" {
  queue_url = aws_sqs_queue.events.url
  policy    = data.aws_iam_policy_document.send["events"].json
}

resource "aws_sqs_queue_policy" "dead" {
  queue_url = aws_sqs_queue.dead.url
  policy    = data.aws_iam_policy_document.send["dead"].json
}

resource "aws_cloudwatch_event_rule" "events" {
  for_each      = local.patterns
  name          = "${var.queue_name}-${each.key}"
  event_pattern = file("${path.module}/${each.value}")
}

resource "aws_cloudwatch_event_target" "events" {
  for_each  = aws_cloudwatch_event_rule.events
  rule      = each.value.name
  target_id = "queue"
  arn       = aws_sqs_queue.events.arn

  dead_letter_config {
    arn = aws_sqs_queue.dead.arn
  }
}

output "queue_url" {
  description = "For spec.events of the AwsAccount"
  value       = aws_sqs_queue.events.url
}

output "queue_arn" {
  description = "For the IAM policy of the operator's role"
  value       = aws_sqs_queue.events.arn
}
