"""Bytes from the keyboard that are no UTF-8 become `�` instead of ending the app.

Textual's Linux driver makes a strict decoder in its input thread (`run_input_thread`) and offers no choice; the module's
name for the decoder factory is the one place where it can be told otherwise.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from functools import partial


def tolerant_decoder(encoding: str) -> Callable[[], codecs.IncrementalDecoder]:
    """Give the factory of an incremental decoder that replaces what it cannot decode."""
    return partial(codecs.getincrementaldecoder(encoding), errors="replace")


def tolerate_any_byte() -> None:
    """Have Textual's driver for terminals decode with replacement."""
    try:
        from textual.drivers import linux_driver
    except ImportError:  # no terminal of that kind on this system
        return
    setattr(linux_driver, "getincrementaldecoder", tolerant_decoder)  # noqa: B010  (its type is the strict one)
