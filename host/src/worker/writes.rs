//! What a worker writes in one turn.

use std::cell::RefCell;
use std::fmt;
use std::rc::Weak;
use std::task::{Poll, Waker};

/// Something that has bytes to send.
pub trait Unsent {
    /// Sends what the socket takes at once. Whoever waits for the rest, or must learn why
    /// nothing goes, is woken.
    fn send(&self);
}

/// Writes that wait for the end of the turn: until everybody who was ready with them has
/// come as far.
///
/// A write wakes the other side where it sleeps, which is the dearest part of it. Of writes that
/// follow one another only the first has to.
#[derive(Default)]
pub struct Writes {
    /// Never more than there are connections.
    due: RefCell<Vec<Weak<dyn Unsent>>>,
    sender: RefCell<Option<Waker>>,
}

impl Writes {
    /// What `unsent` has is sent at the end of this turn, if it is still there.
    pub fn add(&self, unsent: Weak<dyn Unsent>) {
        let mut due = self.due.borrow_mut();
        due.push(unsent);
        if due.len() == 1
            && let Some(sender) = &*self.sender.borrow()
        {
            // A worker runs its tasks in the order in which they were woken.
            sender.wake_by_ref();
        }
    }

    /// Sends at the end of every turn.
    pub async fn send_each_turn(&self) {
        // Its writes are as many as there are connections, and none of them waits.
        tokio::task::unconstrained(std::future::poll_fn(|cx| {
            self.sender.replace(Some(cx.waker().clone()));
            self.send();
            Poll::Pending
        }))
        .await
    }

    fn send(&self) {
        let mut due = self.due.take();
        for unsent in due.drain(..) {
            if let Some(unsent) = unsent.upgrade() {
                unsent.send();
            }
        }
        // The list keeps its room.
        let mut list = self.due.borrow_mut();
        if list.is_empty() {
            *list = due;
        }
    }
}

impl fmt::Debug for Writes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} writes", self.due.borrow().len())
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use tokio::task::LocalSet;

    use super::*;

    type Steps = Rc<RefCell<Vec<&'static str>>>;

    struct Noted(Steps);

    impl Unsent for Noted {
        fn send(&self) {
            self.0.borrow_mut().push("sent");
        }
    }

    #[tokio::test]
    async fn nothing_is_sent_before_everybody_who_is_ready_has_come() {
        let (steps, writes) = (Steps::default(), Rc::new(Writes::default()));
        let tasks = LocalSet::new();
        let sender = writes.clone();
        tasks.spawn_local(async move { sender.send_each_turn().await });
        let ready: Vec<_> = (0..3)
            .map(|_| {
                let (steps, writes) = (steps.clone(), writes.clone());
                tasks.spawn_local(async move {
                    let noted: Rc<dyn Unsent> = Rc::new(Noted(steps.clone()));
                    steps.borrow_mut().push("ready");
                    writes.add(Rc::downgrade(&noted));
                    noted
                })
            })
            .collect();
        // The next turn comes once these have ended.
        let kept = tasks.run_until(async {
            let mut kept = Vec::new();
            for task in ready {
                kept.push(task.await.unwrap());
            }
            tokio::task::yield_now().await;
            kept
        });
        let kept = kept.await;
        let expected = ["ready", "ready", "ready", "sent", "sent", "sent"];
        assert_eq!(*steps.borrow(), expected);
        // And so in every other turn.
        let again = tasks.run_until(async {
            writes.add(Rc::downgrade(&kept[0]));
            tokio::task::yield_now().await;
        });
        again.await;
        assert_eq!(steps.borrow().len(), expected.len() + 1);
    }

    #[test]
    fn what_has_gone_is_not_sent() {
        let (steps, writes) = (Steps::default(), Writes::default());
        let noted: Rc<dyn Unsent> = Rc::new(Noted(steps.clone()));
        writes.add(Rc::downgrade(&noted));
        drop(noted);
        writes.send();
        assert!(steps.borrow().is_empty());
    }
}
