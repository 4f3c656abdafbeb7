# syntax=docker/dockerfile:1
# The operator's image: `docker build --tag registry/runbook-operator:0.1.0 .` at the top of the repository.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package runbook-operator

# glibc, certificates and nothing else: no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/release/runbook-operator /usr/local/bin/runbook-operator
# nonroot, as a number, so that runAsNonRoot can be checked.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/runbook-operator"]
