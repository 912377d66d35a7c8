"""The pages' Jinja templates, with the filters that all of them share."""

from functools import cache

import jinja2

from reports import formats
from reports.page import tables
from reports.page.packing import json_in_script
from reports.study.costs import search_seconds

_FILTERS = (
    *(formats.percent, formats.points, formats.p_value, formats.count, formats.duration),
    *(formats.deviation, formats.size, formats.energy, formats.plural, formats.parameter),
    *(tables.parameters, tables.epochs, tables.error, search_seconds),
)
"""Called in templates by their own names."""


def template(name: str) -> jinja2.Template:
    """A file of ``templates/``: a missing name is an error, and every text is escaped."""
    return environment().get_template(name)


@cache
def environment() -> jinja2.Environment:
    """Where templates are found and what they may call."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("reports.page", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {one.__name__: one for one in _FILTERS} | {"in_script": json_in_script}
    return made
