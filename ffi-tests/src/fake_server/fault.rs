//! What can be wrong with a server, and when it is.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use kmip_p11::kmip::{Operation, ResultReason};

/// One thing that goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// A connection is accepted, and nothing ever comes from it, TLS included.
    SilentFromTheStart,
    /// TLS refuses the client's certificate.
    RefusedCertificate,
    /// These bytes come on a new connection, in the clear, and then nothing.
    InTheClear(Vec<u8>),
    /// A connection is accepted, and TLS begins after this time.
    LateHandshake(Duration),
    /// The server has a certificate that is not to be trusted.
    Certificate(BadCertificate),
    /// A request is read, and no answer comes.
    Silence,
    /// The answer comes one byte at a time, with this pause before each.
    Drip(Duration),
    /// The answer comes after this time.
    Delay(Duration),
    /// The connection ends when so many bytes of what comes next are read, below TLS; nothing ends if no more than that comes.
    CutRequest(usize, Ending),
    /// The connection ends after so many bytes of the answer, below TLS; it does not if the answer is no longer.
    CutRecords(usize, Ending),
    /// The connection ends before the request is looked at.
    CloseUnheard,
    /// The connection ends after so many bytes of the answer.
    CloseAfter(usize),
    /// The connection is reset after so many bytes of the answer.
    ResetAfter(usize),
    /// The answer comes in two parts, with this pause after so many bytes.
    Split(usize, Duration),
    /// Something else comes, made from the answer.
    Altered(fn(&[u8]) -> Vec<u8>),
    /// Over HTTPS, all this comes, made from the message that answers; then the connection may end.
    Http(fn(&[u8]) -> Vec<u8>, Option<Ending>),
    /// These bytes come instead of the answer, and then nothing.
    Instead(Vec<u8>),
    /// The answer's outermost length is off by so much.
    LengthOffBy(i32),
    /// The answer to the message before comes again; the right one if there was none.
    Previous,
    /// Every item is said to answer an item that was not asked.
    WrongBatchId,
    /// Every item is said to answer this operation.
    WrongOperation(Operation),
    /// The whole message is refused.
    RefusedMessage(Refused),
    /// Messages of more than so many items are refused as a whole.
    NoMoreThan(usize, Refused),
    /// Requests about the object with this identifier are refused.
    RefusedObject(String, Refused),
    /// Something else on this list, but only in messages that ask for this operation.
    On(Operation, Box<Fault>),
    /// Sign is answered with something else than the signature that was asked for.
    Forged(Forgery),
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Nothing more comes.
    Closed,
    /// What is on its way is lost as well.
    Reset,
}

/// A server's no.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The kind of reason.
    pub reason: ResultReason,
    /// The server's words.
    pub message: String,
}

impl Refused {
    /// With these words.
    pub fn new(reason: ResultReason, message: &str) -> Self {
        let message = message.to_owned();
        Self { reason, message }
    }
}

/// What can be wrong with a server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadCertificate {
    /// It was valid until 2001.
    Expired,
    /// Another authority has signed it.
    OfAStranger,
    /// It is another host's.
    OfAnotherHost,
}

/// What a server may give for a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgery {
    /// The right one with a bit flipped in its last byte.
    FlippedBit,
    /// RSA by PSS, where PKCS#1 v1.5 was asked.
    Pss,
    /// ECDSA in DER with an r that is longer than the curve's numbers.
    LongNumber,
    /// By another key of the same type.
    AnotherKey,
    /// Of the digest's digest, as if the digest were the message.
    HashedAgain,
    /// The right one, ECDSA as two numbers without DER.
    Raw,
    /// The right one, ECDSA in DER, as always.
    Der,
    /// Any bytes, as many as the right one has.
    Garbage,
    /// No bytes at all.
    Empty,
    /// A megabyte of nothing.
    Endless,
}

impl Fault {
    /// Whether it is there before any message, and so on new connections alone.
    pub fn is_of_connection(&self) -> bool {
        matches!(
            self,
            Self::SilentFromTheStart
                | Self::RefusedCertificate
                | Self::InTheClear(_)
                | Self::LateHandshake(_)
                | Self::Certificate(_)
        )
    }

    /// Whether it is there while a request comes, before anybody can know what is asked.
    fn is_of_request(&self) -> bool {
        matches!(self, Self::CutRequest(..))
    }
}

/// The faults to come.
#[derive(Default)]
pub struct Script(Mutex<VecDeque<Step>>);

struct Step {
    fault: Fault,
    /// How often it is still to come; for ever if none.
    left: Option<usize>,
}

impl Script {
    /// From now on, until [`Script::clear`].
    pub fn always(&self, fault: Fault) {
        self.push(fault, None);
    }

    /// The next so many times; what was told before comes first.
    pub fn times(&self, left: usize, fault: Fault) {
        self.push(fault, Some(left));
    }

    /// No more faults.
    pub fn clear(&self) {
        self.0.lock().expect("nothing panics with it").clear();
    }

    /// What goes wrong with a new connection.
    pub fn for_connection(&self) -> Option<Fault> {
        self.next(|fault| fault.is_of_connection())
    }

    /// What goes wrong while a request comes.
    pub fn for_request(&self) -> Option<Fault> {
        self.next(Fault::is_of_request)
    }

    /// What goes wrong with a message that asks for these operations.
    pub fn for_message(&self, asked: &[u32]) -> Option<Fault> {
        let fault = self.next(|fault| match fault {
            Fault::On(operation, _) => asked.contains(&operation.0),
            other => !(other.is_of_connection() || other.is_of_request()),
        });
        match fault {
            Some(Fault::On(_, fault)) => Some(*fault),
            other => other,
        }
    }

    fn push(&self, fault: Fault, left: Option<usize>) {
        let mut steps = self.0.lock().expect("nothing panics with it");
        steps.push_back(Step { fault, left });
    }

    fn next(&self, fits: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut steps = self.0.lock().expect("nothing panics with it");
        let place = steps.iter().position(|step| fits(&step.fault))?;
        let step = steps.get_mut(place)?;
        let fault = step.fault.clone();
        if let Some(left) = &mut step.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                steps.remove(place);
            }
        }
        Some(fault)
    }
}
