"""A code of the house on the command line, spelt as it is stored."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Generic, TypeVar

import click

S = TypeVar("S", bound=StrEnum)


class Code(click.Choice[str], Generic[S]):
    """One of an enumeration. `old` are words of earlier versions, with what to say instead."""

    def __init__(self, kind: type[S], old: Mapping[str, str] | None = None) -> None:
        super().__init__([one.value for one in kind])
        self._kind, self._old = kind, old or {}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> S:
        if value in self._old:
            self.fail(f"{value!r} is not said any more: say {self._old[value]}.", param, ctx)
        return self._kind(super().convert(str(value), param, ctx))
