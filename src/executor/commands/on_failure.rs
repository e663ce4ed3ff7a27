//! Reports a failure to the log and to the client.

use crate::python::OnFailure;
use doors::incident::Incident;
use exchange::{Failure, Responder};

impl OnFailure for Incident {
    fn log(&self, failure: &Failure, late: bool) {
        self.log(failure, late);
    }

    fn wants_fault(&self) -> bool {
        self.wants_fault()
    }

    fn answered_itself(&self, by_framework: bool) {
        self.answered_itself(by_framework);
    }

    fn answer(&self, failure: &Failure, responder: &mut Responder) {
        self.answer(failure, responder);
    }
}
