//! One life of the operator: from a start to a crash. What belongs to a dead process neither acts nor learns any more.

use std::sync::Arc;

use tokio::sync::watch;

use crate::journal::What;
use crate::stage::Stage;

/// One run of the operator's program.
#[derive(Debug)]
pub struct Process {
    /// Counts the lives: 0 is the first.
    pub number: u32,
    /// The world it lives in.
    pub stage: Arc<Stage>,
    dead: watch::Sender<bool>,
    asked: watch::Sender<bool>,
}

impl Process {
    /// Starts a life.
    pub fn start(number: u32, stage: Arc<Stage>) -> Arc<Self> {
        stage.journal.push(stage.now(), What::Started { process: number });
        Arc::new(Self { number, stage, dead: watch::Sender::new(false), asked: watch::Sender::new(false) })
    }

    /// Ends it, at once.
    pub fn crash(&self, why: &str) {
        if !self.dead.send_replace(true) {
            self.stage.journal.push(self.stage.now(), What::Crashed { process: self.number, why: why.into() });
        }
    }

    /// Asks it to end by itself, as a kubelet does with SIGTERM.
    pub fn ask_to_end(&self) {
        self.stage.journal.push(self.stage.now(), What::AskedToEnd { process: self.number });
        self.asked.send_replace(true);
    }

    /// Waits until it is asked to end by itself.
    pub async fn asked_to_end(&self) {
        let mut asked = self.asked.subscribe();
        let _ = asked.wait_for(|asked| *asked).await;
    }

    /// Ends it without an entry in the journal: the process has ended by itself.
    pub fn end(&self) {
        self.dead.send_replace(true);
    }

    /// Whether it has ended.
    pub fn is_dead(&self) -> bool {
        *self.dead.borrow()
    }

    /// Waits for its end.
    pub async fn died(&self) {
        let mut dead = self.dead.subscribe();
        // The sender lives as long as this process does, so the wait ends only with the process.
        let _ = dead.wait_for(|dead| *dead).await;
    }

    /// Returns at once in a living process and never in a dead one: tasks that a crash left behind stop at the next door.
    pub async fn proceed(&self) {
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
    }
}
