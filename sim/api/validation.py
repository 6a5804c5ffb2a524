"""What names, labels, ports and the like must look like, in the API server's words.

Models: apimachinery/pkg/util/validation, apimachinery/pkg/api/validation/objectmeta.go. Left out: total size of
annotations, managedFields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from sim.api import quantity
from sim.api.errors import FieldError

Rule = Callable[[str], str]
"""Gives what is wrong with a text, "" if nothing is."""
LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"
DNS_1035 = r"[a-z]([-a-z0-9]*[a-z0-9])?"
QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
LABEL_VALUE = rf"({QUALIFIED})?"
CONFIG_KEY = r"[-._a-zA-Z0-9]+"
ENV_NAME = r"[ -<>-~]+"
NAME_REQUIRED = "name or generateName is required"
PORT_RANGE = "must be between 1 and 65535, inclusive"
NOT_NEGATIVE = "must be greater than or equal to 0"
IMMUTABLE = "field is immutable"
STANDARD_FINALIZERS = frozenset({"kubernetes", "orphan", "foregroundDeletion"})


def _regex(text: str, pattern: str, *examples: str) -> str:
    shown = " or ".join(f"'{example}', " for example in examples).rstrip(" ").rstrip(",")
    return f"{text} (e.g. {shown}, regex used for validation is '{pattern}')"


LABEL_TEXT = _regex("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
                    "and end with an alphanumeric character", LABEL, "my-name", "123-abc")
SUBDOMAIN_TEXT = _regex("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
                        "and must start and end with an alphanumeric character", SUBDOMAIN, "example.com")
DNS_1035_TEXT = _regex("a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
                       "alphabetic character, and end with an alphanumeric character", DNS_1035, "my-name", "abc-123")
QUALIFIED_TEXT = _regex("must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
                        "alphanumeric character", QUALIFIED, "MyName", "my.name", "123-abc")
VALUE_TEXT = _regex("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
                    "start and end with an alphanumeric character", LABEL_VALUE, "MyValue", "my_value", "12345")
CONFIG_KEY_TEXT = _regex("a valid config key must consist of alphanumeric characters, '-', '_' or '.'", CONFIG_KEY,
                         "key.name", "KEY_NAME", "key-name")


def _rule(pattern: str, text: str, longest: int) -> Rule:
    shape = re.compile(pattern)

    @lru_cache(maxsize=2048)
    def check(value: str) -> str:
        if len(value) > longest:
            return f"must be no more than {longest} characters"
        return "" if shape.fullmatch(value) else text

    return check


dns_label = _rule(LABEL, LABEL_TEXT, 63)
dns_subdomain = _rule(SUBDOMAIN, SUBDOMAIN_TEXT, 253)
dns_1035_label = _rule(DNS_1035, DNS_1035_TEXT, 63)
label_value = _rule(LABEL_VALUE, VALUE_TEXT, 63)
config_key = _rule(CONFIG_KEY, CONFIG_KEY_TEXT, 253)
_qualified_part = _rule(QUALIFIED, QUALIFIED_TEXT, 63)


def path_segment(value: str) -> str:
    """Tell what is wrong with a name that must only be a part of a path, as those of RBAC objects."""
    if value in (".", ".."):
        return f"may not be '{value}'"
    bad = next((mark for mark in "/%" if mark in value), "")
    return f"may not contain '{bad}'" if bad else ""


@lru_cache(maxsize=2048)
def qualified_name(value: str) -> str:
    """Tell what is wrong with a label key, annotation key or the like."""
    parts = value.split("/")
    if len(parts) > 2:
        return (f"a qualified name {QUALIFIED_TEXT} with an optional DNS subdomain prefix and '/' "
                "(e.g. 'example.com/MyName')")
    if len(parts) == 2:
        if not parts[0]:
            return "prefix part must be non-empty"
        wrong = dns_subdomain(parts[0])
        if wrong:
            return f"prefix part {wrong}"
    name = parts[-1]
    if not name:
        return "name part must be non-empty"
    wrong = _qualified_part(name)
    return f"name part {wrong}" if wrong else ""


def shown(value: Any) -> str:
    """Write a value as field errors do: texts quoted, numbers plain, the rest as JSON."""
    if value is None:
        return "null"
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)


class Faults(list[FieldError]):
    """The faults of one object, in the order in which they were found."""

    def required(self, path: str, text: str = "") -> None:
        """Note a missing value."""
        self.append(FieldError(path, "Required value" + (f": {text}" if text else ""), "FieldValueRequired"))

    def invalid(self, path: str, value: Any, text: str) -> None:
        """Note a bad value; nothing if there is no text."""
        if text:
            self.append(FieldError(path, f"Invalid value: {shown(value)}: {text}"))

    def unsupported(self, path: str, value: Any, supported: Iterable[str]) -> None:
        """Note a value that is none of an enumeration."""
        words = ", ".join(f'"{word}"' for word in supported)
        self.append(FieldError(path, f"Unsupported value: {shown(value)}: supported values: {words}",
                               "FieldValueNotSupported"))

    def forbidden(self, path: str, text: str) -> None:
        """Note a value that may not be here."""
        self.append(FieldError(path, f"Forbidden: {text}", "FieldValueForbidden"))

    def duplicate(self, path: str, value: Any) -> None:
        """Note a value that may be here only once."""
        self.append(FieldError(path, f"Duplicate value: {shown(value)}", "FieldValueDuplicate"))

    def not_found(self, path: str, value: Any) -> None:
        """Note a reference to nothing."""
        self.append(FieldError(path, f"Not found: {shown(value)}", "FieldValueNotFound"))

    # ---- common checks ----------------------------------------------------------------------------------------
    def one_of(self, path: str, value: Any, words: Iterable[str], *, optional: bool = True) -> None:
        """Check an enumeration; an empty value is a fault unless optional."""
        if value in (None, ""):
            if not optional:
                self.required(path)
        elif value not in words:
            self.unsupported(path, value, words)

    def not_negative(self, path: str, value: Any) -> None:
        """Check a number that may be zero."""
        if isinstance(value, int) and value < 0:
            self.invalid(path, value, NOT_NEGATIVE)

    def port(self, path: str, value: Any) -> None:
        """Check a port number or the name of a port."""
        if isinstance(value, int):
            if not 1 <= value <= 65535:
                self.invalid(path, value, PORT_RANGE)
        elif isinstance(value, str):
            self.invalid(path, value, port_name(value))

    def labels(self, path: str, labels: Mapping[str, str] | None) -> None:
        """Check label keys and values."""
        for key, value in sorted((labels or {}).items()):
            self.invalid(path, key, qualified_name(key))
            self.invalid(path, value, label_value(value))

    def annotations(self, path: str, annotations: Mapping[str, str] | None) -> None:
        """Check annotation keys."""
        for key in sorted(annotations or {}):
            self.invalid(path, key, qualified_name(key.lower()))

    def selector(self, path: str, selector: Any) -> None:
        """Check a LabelSelector."""
        for key, value in sorted(((selector or {}).get("matchLabels") or {}).items()):
            self.invalid(f"{path}.matchLabels", key, qualified_name(key))
            self.invalid(f"{path}.matchLabels", value, label_value(value))
        for number, part in enumerate((selector or {}).get("matchExpressions") or []):
            here, operator, values = f"{path}.matchExpressions[{number}]", part.get("operator"), part.get("values")
            if operator in ("In", "NotIn"):
                if not values:
                    self.required(f"{here}.values", "must be specified when `operator` is 'In' or 'NotIn'")
            elif operator in ("Exists", "DoesNotExist"):
                if values:
                    self.forbidden(f"{here}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
            else:
                self.invalid(f"{here}.operator", operator or "", "not a valid selector operator")
            self.invalid(f"{here}.key", part.get("key", ""), qualified_name(part.get("key", "")))
            for at, value in enumerate(values or []):
                self.invalid(f"{here}.values[{at}]", value, label_value(value))

    def resource(self, path: str, name: str, text: str) -> None:
        """Check an amount of a resource (cpu, memory …)."""
        amount = quantity.parse(text)
        if amount < 0:
            self.invalid(path, text, NOT_NEGATIVE)
        elif name in ("pods", "services", "configmaps", "secrets") and amount.denominator != 1:
            self.invalid(path, text, "must be an integer")

    def metadata(self, metadata: Mapping[str, Any], name_rule: Rule) -> None:
        """Check an object's metadata."""
        generate = metadata.get("generateName")
        if generate:
            wrong = name_rule(f"{generate.removesuffix('-')}" if generate != "-" else generate)
            self.invalid("metadata.generateName", generate, wrong)
        name = metadata.get("name")
        if not name:
            self.required("metadata.name", NAME_REQUIRED)
        else:
            self.invalid("metadata.name", name, name_rule(name))
        if metadata.get("labels"):
            self.labels("metadata.labels", metadata["labels"])
        if metadata.get("annotations"):
            self.annotations("metadata.annotations", metadata["annotations"])
        if metadata.get("ownerReferences"):
            self._owners(metadata["ownerReferences"])
        for number, finalizer in enumerate(metadata.get("finalizers") or []):
            wrong = qualified_name(finalizer)
            if not wrong and "/" not in finalizer and finalizer not in STANDARD_FINALIZERS:
                wrong = "name is neither a standard finalizer name nor is it fully qualified"
            self.invalid(f"metadata.finalizers[{number}]", finalizer, wrong)

    def _owners(self, references: Any) -> None:
        for number, owner in enumerate(references):
            for part in ("apiVersion", "kind", "name", "uid"):
                if not owner.get(part):
                    self.invalid(f"metadata.ownerReferences[{number}].{part}", "",
                                 "version must not be empty" if part == "apiVersion" else f"{part} must not be empty")
        if len(references) > 1 and sum(bool(owner.get("controller")) for owner in references) > 1:
            self.invalid("metadata.ownerReferences", references, "Only one reference can have Controller set to true")


def port_name(value: str) -> str:
    """Tell what is wrong with the name of a port."""
    if len(value) > 15:
        return "must be no more than 15 characters"
    if not re.fullmatch(r"[-a-z0-9]+", value):
        return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    if not re.search(r"[a-z]", value):
        return "must contain at least one letter (a-z)"
    if "--" in value:
        return "must not contain consecutive hyphens"
    return "must not begin or end with a hyphen" if value.startswith("-") or value.endswith("-") else ""
