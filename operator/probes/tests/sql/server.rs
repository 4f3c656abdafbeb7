//! A PostgreSQL of its own for these tests, with TLS.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Weak};
use std::time::Duration;
use std::{env, thread};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

/// Who PostgreSQL runs as where these tests run as root, which it refuses: nobody.
const NOBODY: u32 = 65534;
/// The role that asks.
pub const USER: &str = "checker";
/// Its password.
pub const PASSWORD: &str = "correct horse";
/// What is in the table, and may be told nowhere.
pub const EMAIL: &str = "alice@example.com";

const CLUSTER: &str = "\
CREATE ROLE checker LOGIN PASSWORD 'correct horse'
CREATE DATABASE clocked
";
const DATABASE: &str = "\
CREATE TYPE mood AS ENUM ('good', 'bad')
CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL)
INSERT INTO users VALUES (1, 'alice@example.com'), (2, 'bob@example.com'), (3, 'carol@example.com')
CREATE SEQUENCE numbers
CREATE FUNCTION forget() RETURNS bigint LANGUAGE sql VOLATILE AS 'WITH gone AS (DELETE FROM users RETURNING 1) SELECT count(*) FROM gone'
CREATE FUNCTION complain() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no % here', (SELECT email FROM users LIMIT 1); END $$
CREATE FUNCTION fail(state text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = state; END $$
CREATE PROCEDURE forget_all(INOUT done int) LANGUAGE plpgsql AS $$ BEGIN COMMIT; DELETE FROM users; done := 1; END $$
GRANT ALL ON ALL TABLES IN SCHEMA public TO checker
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO checker
GRANT ALL ON SCHEMA public TO checker
CREATE TABLE hidden (id int)
";

static RUNNING: tokio::sync::Mutex<Weak<Server>> = tokio::sync::Mutex::const_new(Weak::new());

/// A server, which ends with the last test that uses it.
pub struct Server {
    /// Where it listens, on 127.0.0.1 alone.
    pub port: u16,
    /// The CA that has signed its certificate for `localhost`, in PEM.
    pub ca: String,
    process: Child,
    _directory: TempDir,
}

impl Server {
    /// The server that is running, or one that is started.
    pub async fn shared() -> Arc<Self> {
        let mut running = RUNNING.lock().await;
        if let Some(server) = running.upgrade() {
            return server;
        }
        let server = Arc::new(Self::start());
        *running = Arc::downgrade(&server);
        server
    }

    fn start() -> Self {
        let binaries = binaries();
        let libraries = libraries(&binaries);
        let directory = tempfile::Builder::new().prefix("runbook-postgres-").tempdir().unwrap();
        let root = fs::metadata(directory.path()).unwrap().uid() == 0;
        let own = |path: &Path| {
            if root {
                chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        };
        own(directory.path());
        let command = |program: &str| {
            let mut command = Command::new(binaries.join(program));
            command.current_dir(directory.path()).env("LC_ALL", "C").env("TZ", "UTC").env_remove("PGDATA");
            if let Some(libraries) = &libraries {
                command.env("LD_LIBRARY_PATH", libraries);
            }
            if root {
                command.uid(NOBODY).gid(NOBODY);
            }
            command
        };
        let data = directory.path().join("data");
        let log = || File::options().append(true).create(true).open(directory.path().join("log")).unwrap();
        let told = || fs::read_to_string(directory.path().join("log")).unwrap_or_default();
        let initialised = command("initdb")
            .args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"])
            .arg(write(directory.path(), "password", "root", &own, |file| format!("--pwfile={file}")))
            .arg("--pgdata")
            .arg(&data)
            .stdout(log())
            .stderr(log())
            .status()
            .unwrap();
        assert!(initialised.success(), "{}", told());
        for (database, statements) in [("postgres", CLUSTER), ("clocked", DATABASE)] {
            let mut single = command("postgres")
                .args(["--single", "-F", "-D"])
                .arg(&data)
                .arg(database)
                .stdin(Stdio::piped())
                .stdout(log())
                .stderr(log())
                .spawn()
                .unwrap();
            single.stdin.take().unwrap().write_all(statements.as_bytes()).unwrap();
            assert!(single.wait().unwrap().success() && !told().contains("ERROR"), "{}", told());
        }

        let (ca, certificate, key) = certificates();
        write(directory.path(), "server.crt", &certificate, &own, |_| ());
        write(directory.path(), "server.key", &key, &own, |_| ());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings = [
            format!("port={port}"),
            "listen_addresses=127.0.0.1".into(),
            "unix_socket_directories=".into(),
            "ssl=on".into(),
            format!("ssl_cert_file={}", directory.path().join("server.crt").display()),
            format!("ssl_key_file={}", directory.path().join("server.key").display()),
            "fsync=off".into(),
            "max_connections=40".into(),
            "shared_buffers=16MB".into(),
            "dynamic_shared_memory_type=mmap".into(),
        ];
        let mut process = command("postgres")
            .arg("-D")
            .arg(&data)
            .args(settings.iter().flat_map(|setting| ["-c", setting]))
            .stdout(log())
            .stderr(log())
            .spawn()
            .unwrap();
        while !told().contains("database system is ready to accept connections") {
            assert!(process.try_wait().unwrap().is_none(), "PostgreSQL has ended: {}", told());
            thread::sleep(Duration::from_millis(20));
        }
        Self { port, ca, process, _directory: directory }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An immediate shutdown leaves no shared memory behind, which SIGKILL does.
        let pid = self.process.id().to_string();
        if !Command::new("kill").args(["-QUIT", &pid]).status().is_ok_and(|status| status.success()) {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

fn write<T>(directory: &Path, name: &str, text: &str, own: &impl Fn(&Path), then: impl Fn(&str) -> T) -> T {
    let path = directory.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    own(&path);
    then(path.to_str().unwrap())
}

/// A CA, and a certificate for localhost with its key.
fn certificates() -> (String, String, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
    (ca.pem(), certificate.pem(), key.serialize_pem())
}

/// The directory of PostgreSQL's programs.
fn binaries() -> PathBuf {
    if let Some(directory) = env::var_os("RUNBOOK_POSTGRES") {
        let directory = PathBuf::from(directory);
        assert!(directory.join("initdb").is_file(), "RUNBOOK_POSTGRES is {}, which has no initdb", directory.display());
        return directory;
    }
    let debian =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    debian.filter(|directory| directory.join("initdb").is_file()).max().expect(
        "no PostgreSQL to test with: install the package postgresql, or set RUNBOOK_POSTGRES to the directory that has initdb and postgres",
    )
}

/// The libraries beside programs that were unpacked and not installed: of `ROOT/usr/lib/postgresql/15/bin` those in `ROOT/usr/lib/*-linux-*`.
fn libraries(binaries: &Path) -> Option<OsString> {
    let directory = binaries.ancestors().nth(3).filter(|directory| *directory != Path::new("/usr/lib"))?;
    let beside = fs::read_dir(directory).ok()?.flatten().map(|entry| entry.path());
    let found: Vec<PathBuf> = beside.filter(|path| path.to_string_lossy().contains("-linux-")).collect();
    (!found.is_empty()).then(|| env::join_paths(found).unwrap())
}
