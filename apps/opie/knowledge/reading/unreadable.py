"""Why a file cannot be read, as whoever handed it in is told."""

# ruff: noqa: N818 - the name reads as what happened

from enum import StrEnum


class Reason(StrEnum):
    ENCRYPTED = "unreadable_encrypted"
    DAMAGED = "unreadable_damaged"
    TYPE = "unreadable_type"
    TOO_LARGE = "unreadable_too_large"
    BOMB = "unreadable_bomb"
    NO_TEXT = "unreadable_no_text"
    NO_TEXT_RECOGNITION = "unreadable_no_text_recognition"
    TIMEOUT = "unreadable_timeout"
    INTERRUPTED = "unreadable_interrupted"


_MESSAGES = {
    Reason.ENCRYPTED: "This file is encrypted. Remove the password and upload it again.",
    Reason.DAMAGED: "This file is damaged. Open it in the program that made it, save it anew, and upload that.",
    Reason.TYPE: "Files of this type are not read. Upload PDF, Word, PowerPoint, Excel, HTML, Markdown, text, CSV or JSON.",
    Reason.TOO_LARGE: "This file is too large to be read. Split it into smaller ones.",
    Reason.BOMB: "This file unpacks to far more than its size, so it was not opened. Save it anew without what fills it.",
    Reason.NO_TEXT: "There is no text in this file.",
    Reason.NO_TEXT_RECOGNITION: "Text in images is not recognised on this installation. Upload the text itself, "
    "or ask whoever runs it to install requirements/ocr.txt.",
    Reason.TIMEOUT: "Reading this file took too long. Split it into smaller ones, or save it anew.",
    Reason.INTERRUPTED: "Reading this file was interrupted. Try again.",
}


class Unreadable(Exception):
    """A file that is not read: `code` for programs, `message` for people."""

    def __init__(self, reason: Reason, message: str = "") -> None:
        self.reason = reason
        self.message = message or _MESSAGES[reason]
        super().__init__(self.message)

    @property
    def code(self) -> str:
        return self.reason.value

    @property
    def may_pass(self) -> bool:
        """Whether the same file may be read at another time."""
        return self.reason is Reason.INTERRUPTED
