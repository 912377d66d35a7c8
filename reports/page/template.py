"""The pages' Jinja templates, with the filters that all of them share."""

from functools import cache

import jinja2

from reports import formats
from reports.page.packing import json_in_script


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
    made.filters |= {
        "percent": formats.percent,
        "points": formats.points,
        "p_value": formats.p_value,
        "count": formats.count,
        "duration": formats.duration,
        "deviation": formats.deviation,
        "size": formats.size,
        "energy": formats.energy,
        "plural": formats.plural,
        "parameter": formats.parameter,
        "in_script": json_in_script,
    }
    return made
