"""The practice's published words, as the catalogue takes them; fetched again only once they have changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from db.queries.tones import published_mark, published_texts
from jobs.messages.catalogue import Key, Wording

Mark = tuple[tuple[int, ...], datetime | None]


async def edited_texts(practice: int) -> Mapping[Key, Wording]:
    """What stands over the shipped texts in this practice."""
    texts = await published_texts(practice)
    return {Key(*key): Wording(words.body, words.subject, version) for key, (words, version) in texts.items()}


@dataclass
class EditedTexts:
    """The same for a worker, who asks every second or so: the texts themselves travel when one was published or taken
    back."""

    _known: dict[int, tuple[Mark, Mapping[Key, Wording]]] = field(default_factory=dict)

    async def of(self, practice: int) -> Mapping[Key, Wording]:
        mark = await published_mark(practice)
        known = self._known.get(practice)
        if known is None or known[0] != mark:
            # Read after its mark: what is published in between is at worst fetched twice.
            known = mark, await edited_texts(practice)
            self._known[practice] = known
        return known[1]
