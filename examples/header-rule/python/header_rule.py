"""The header rule in Python."""

import json
import re

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.lifecycle import Description, Problem
from wit_world.exports.on_request import Verdict, Verdict_Next, Verdict_Respond
from wit_world.imports import request, request_edit
from wit_world.imports.types import Field, Reply

SCHEMA = {
    "type": "object",
    "properties": {
        "header": {"type": "string", "description": "The header that must be there, once."},
        "allow": {
            "type": "array",
            "items": {"type": "string"},
            "minItems": 1,
            "description": "The values that it may have: visible ASCII.",
        },
        "stamp": {"type": "string", "description": "A header to set where the request passes."},
    },
    "required": ["header", "allow"],
    "additionalProperties": False,
}

# A token of RFC 9110.
NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
VISIBLE = re.compile(r"[!-~]+")


class Rule:
    """A configuration without problems."""

    def __init__(self, config: dict):
        self.header: str = config["header"]
        self.allow = {value.encode() for value in config["allow"]}
        self.stamp: str | None = config.get("stamp")

    def wrong(self) -> str | None:
        """What is wrong with the request."""
        match request.header_count(self.header):
            case 0:
                return "is missing"
            case 1:
                allowed = request.header(self.header) in self.allow
                return None if allowed else "has a value that is not allowed"
            case _:
                return "came more than once"


# Set once, by `configure`.
rule: Rule


class Lifecycle(exports.Lifecycle):
    def describe(self) -> Description:
        summary = "Lets in requests that carry a header with an allowed value."
        return Description(summary, json.dumps(SCHEMA))

    # A result of WIT is a returned value, or a raised Err.
    def configure(self, config: str) -> None:
        global rule
        read = json.loads(config)
        if problems := problems_of(read):
            raise Err(problems)
        rule = Rule(read)


class OnRequest(exports.OnRequest):
    def on_request(self) -> Verdict:
        if wrong := rule.wrong():
            return Verdict_Respond(forbidden(f"The header {rule.header} {wrong}."))
        if rule.stamp is not None:
            request_edit.set_header(rule.stamp, b"1")
        return Verdict_Next()


def problems_of(config: dict) -> list[Problem]:
    problems: list[Problem] = []

    def check(fits: bool, at: str, message: str) -> None:
        if not fits:
            problems.append(Problem(at, message))

    for key in config:
        place = "/" + key.replace("~", "~0").replace("/", "~1")
        check(key in SCHEMA["properties"], place, "unknown key; known are `header`, `allow`, `stamp`")
    check(fits(NAME, config.get("header")), "/header", "expected the name of a header")
    match config.get("allow"):
        case [*values] if values:
            for at, value in enumerate(values):
                check(fits(VISIBLE, value), f"/allow/{at}", "expected visible ASCII")
        case _:
            check(False, "/allow", "expected a list with at least one value")
    check(fits(NAME, config.get("stamp", "x")), "/stamp", "expected the name of a header")
    return problems


def fits(pattern: re.Pattern, value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def forbidden(detail: str) -> Reply:
    """RFC 9457"""
    problem = {"type": "about:blank", "title": "Forbidden", "status": 403, "detail": detail}
    content_type = Field("content-type", b"application/problem+json")
    return Reply(403, [content_type], json.dumps(problem).encode())
