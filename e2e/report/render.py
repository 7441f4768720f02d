"""Fill in a page of the report: a Jinja template of templates/, and what a run found out."""

import re
from pathlib import Path, PurePosixPath
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape


def render(file: Path, template: str, **facts: Any) -> None:
    """One self-contained HTML file. A name that the template asks for and nobody gave is an error."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    templates.filters["prose"] = _prose
    templates.tests["inside"] = _is_inside
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(templates.get_template(template).render(facts))


def _is_inside(path: str) -> bool:
    """Whether it is a path within the report's folder: results may come from somebody else.

    An address with a scheme is one too, as `urlencode` takes its colon from it.
    """
    parts = PurePosixPath(path.replace("\\", "/"))
    return bool(path) and not parts.is_absolute() and ".." not in parts.parts


def _prose(text: str) -> Markup:
    """Backticks as code; what a cut left open stays as it is."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - it is escaped
