"""What is remembered of a job in ``work/``, ``hold/`` or ``trash/``: ``NAME.json`` beside it."""

# No annotations as strings (PEP 563) here: a NamedTuple compiles every string again.

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn

WHOLE = "*"
"""In place of a recipient: the whole transaction."""
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class JobRecord(NamedTuple):
    """The memory of a job; times are unix seconds.

    `first` and `next` are the times of the first attempt and of the next one, `error` the last
    temporary failure, `reason` why it is held, `origin` the box it was held from. `running` is
    set before bytes are handed over and cleared after, so finding it set means that we died
    meanwhile; `deaths` counts those. `taken` maps a transaction's number to the recipients the
    MTA took, None being all of them; `refused` maps it to recipient and text, `WHOLE` standing
    for all of them. `told` maps it to the recipients of whose failure the sender was told, and with
    ``delayed`` behind it to those of whose delay; `answer` is the packet that told it last, as
    ``HOP/NAME``, see `gateway.spool.answer`. `history` holds earlier reasons. `expires` is when a
    job in the trash is forgotten. `extra` keeps keys of a later version.
    """

    attempts: int = 0
    first: float = 0.0
    next: float = 0.0
    error: str = ""
    reason: str = ""
    deaths: int = 0
    running: bool = False
    taken: Mapping[str, tuple[str, ...] | None] = _NOTHING
    refused: Mapping[str, Mapping[str, str]] = _NOTHING
    told: Mapping[str, tuple[str, ...]] = _NOTHING
    answer: str = ""
    origin: str = ""
    history: tuple[str, ...] = ()
    expires: float = 0.0
    extra: Mapping[str, object] = _NOTHING

    def held(self, reason: str, origin: str) -> "JobRecord":
        """Return the record of a job that is being set aside from the box `origin`."""
        return self._replace(reason=reason, origin=origin, running=False, expires=0.0)

    def removed(self, reason: str, origin: str, expires: float) -> "JobRecord":
        """Return the record of a job that a person removed; why it was held goes into the history."""
        before = (self.reason,) if self.reason else ()
        return self.held(reason, origin)._replace(expires=expires, history=(*self.history, *before))

    def released(self, now: float) -> "JobRecord":
        """Return the record of a job that goes on: due now, with a fresh schedule.

        What the MTA took stays taken; what it refused is tried again, and what it said moves
        into the history after the reason.
        """
        said = [f"{who}: {text}" for texts in self.refused.values() for who, text in texts.items()]
        return self._replace(
            attempts=0,
            first=0.0,
            next=now,
            deaths=0,
            running=False,
            reason="",
            origin="",
            refused={},
            expires=0.0,
            history=(*self.history, *filter(None, (self.reason, *said))),
        )

    def to_json(self) -> bytes:
        """Return the file's content: one JSON object, ASCII, a key a line."""
        import json  # noqa: PLC0415 - most jobs never have a record

        known = self._asdict()
        del known["extra"]
        return json.dumps({**self.extra, **known}, indent=1, default=dict).encode("ascii") + b"\n"

    @classmethod
    def from_json(cls, content: bytes) -> "JobRecord":
        """Read a file's content; one that makes no sense becomes a record whose reason says so.

        Missing keys take their defaults, so an older version's file is read too.
        """
        import json  # noqa: PLC0415 - most jobs never have a record

        try:
            return cls._from_object(json.loads(content, parse_constant=_refuse))
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            text = content[:4096].decode("ascii", "backslashreplace")
            return cls(reason=f"the job's record cannot be read: {error}", extra={"unreadable": text})

    @classmethod
    def _from_object(cls, found: object) -> "JobRecord":
        rest = _mapping(found)
        return cls(
            attempts=_integer(rest.pop("attempts", 0)),
            first=_number(rest.pop("first", 0)),
            next=_number(rest.pop("next", 0)),
            error=_text(rest.pop("error", "")),
            reason=_text(rest.pop("reason", "")),
            deaths=_integer(rest.pop("deaths", 0)),
            running=bool(rest.pop("running", False)),
            taken={
                number: None if who is None else _texts(who)
                for number, who in _mapping(rest.pop("taken", {})).items()
            },
            refused={
                number: {who: _text(said) for who, said in _mapping(texts).items()}
                for number, texts in _mapping(rest.pop("refused", {})).items()
            },
            told={number: _texts(who) for number, who in _mapping(rest.pop("told", {})).items()},
            answer=_text(rest.pop("answer", "")),
            origin=_text(rest.pop("origin", "")),
            history=_texts(rest.pop("history", [])),
            expires=_number(rest.pop("expires", 0)),
            extra=rest,
        )


def _refuse(constant: str) -> NoReturn:
    msg = f"{constant} is not a number"
    raise ValueError(msg)


def _mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        msg = f"expected an object, found {value!r:.40}"
        raise TypeError(msg)
    return dict(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        msg = f"expected a text, found {value!r:.40}"
        raise TypeError(msg)
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        msg = f"expected a list, found {value!r:.40}"
        raise TypeError(msg)
    return tuple(map(_text, value))


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        msg = f"expected a number, found {value!r:.40}"
        raise TypeError(msg)
    if not abs(value) < float("inf"):
        msg = f"{value!r:.40} is no time"
        raise ValueError(msg)
    return float(value)


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        msg = f"expected a whole number, found {value!r:.40}"
        raise TypeError(msg)
    return value
