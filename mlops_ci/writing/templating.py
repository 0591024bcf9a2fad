"""Templates in which everything is escaped unless a filter made it safe, with blocks users may override."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any

from jinja2 import BaseLoader, Environment, PackageLoader, StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2 import meta as template_meta
from jinja2.compiler import CodeGenerator
from jinja2.exceptions import SecurityError
from jinja2.nodes import Concat
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup
from pydantic import BaseModel

from mlops_ci.errors import ConfigError
from mlops_ci.writing import figures, markdown, page, visible

OVERRIDES = ".mlops-ci/"
BUILT_IN = "mlops-ci/"

# Jinja's other filters are not here because on safe text they escape for HTML alone, or not at all.
_KEPT_FILTERS = (
    "abs batch count default dictsort first float groupby int items last length list lower map max min reject"
    " rejectattr round select selectattr slice sort string sum trim unique upper"
)
_FILTERS: Mapping[str, Callable[..., Any]] = {
    "axis": figures.axis,
    "chance": figures.chance,
    "change": figures.change,
    "code": markdown.code,
    "duration": figures.duration,
    "fence": markdown.fence,
    "join": markdown.joined,
    "label": markdown.label,
    "link": markdown.link,
    "moment": figures.moment,
    "money": figures.money,
    "number": figures.number,
    "percent": figures.percent,
    "prose": markdown.prose,
    "scalar": figures.scalar,
    "short": figures.short,
    "size": figures.size,
    "thousands": figures.count,
}


def _shown(value: object) -> Any:
    """What every ``{{ }}`` goes through; text that blocks and macros made has been through it already."""
    if value is None:
        return markdown.Safe()
    if isinstance(value, float):
        return markdown.text(figures.number(value))
    return markdown.text(value)


class _Escaping(CodeGenerator):
    """Compiles ``a ~ b`` so that its parts are escaped as Markdown, not as HTML."""

    def visit_Concat(self, node: Concat, frame: Any) -> None:  # noqa: N802 - Jinja's name
        self.write("environment.concatenated((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class MarkdownEnvironment(ImmutableSandboxedEnvironment):
    """A sandbox without a way to forget an escape, and without methods of documents."""

    code_generator_class = _Escaping
    intercepted_binops = frozenset(["+", "%"])

    @staticmethod
    def concatenated(parts: Iterable[object]) -> markdown.Safe:
        """``a ~ b`` in a template."""
        return markdown.Safe("".join(_shown(part) for part in parts))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """``+`` joins text as ``~`` does; ``%`` on text would not escape what it puts in."""
        if isinstance(left, str) or isinstance(right, str):
            if operator == "%":
                raise SecurityError("text has no %, write a ~ b")
            return self.concatenated((left, right))
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Safe text has no methods: each would take foreign text in without escaping it."""
        if isinstance(obj, Markup):
            return self.unsafe_undefined(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """``made['join']`` is another way to write ``made.join``."""
        if isinstance(obj, Markup):
            return self.unsafe_undefined(obj, str(argument))
        return super().getitem(obj, argument)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Of a pydantic document only its fields: its methods can read files."""
        if isinstance(obj, BaseModel):
            return attr in type(obj).model_fields
        return super().is_safe_attribute(obj, attr, value)


class _Loader(BaseLoader):
    """``mlops-ci/x`` is the built-in template x; plain ``x`` is the user's where there is one."""

    def __init__(self, overrides: Mapping[str, str]) -> None:
        self.overrides = overrides
        self.built_in = PackageLoader("mlops_ci", "templates")

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Any]:
        if template in self.overrides:
            return self.overrides[template], OVERRIDES + template, lambda: True
        return self.built_in.get_source(environment, template.removeprefix(BUILT_IN))

    def list_templates(self) -> list[str]:
        return self.built_in.list_templates()


def environment(overrides: Mapping[str, str] | None = None) -> Environment:
    """The environment of all templates; ``overrides`` are the texts of a user's own, by name."""
    made = MarkdownEnvironment(
        loader=_Loader(overrides or {}),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    kept = {name: made.filters[name] for name in _KEPT_FILTERS.split()}
    made.filters = {**kept, **_FILTERS}
    del made.globals["lipsum"]
    _check(made, overrides or {})
    return made


def page_environment() -> Environment:
    """The environment of our pages: everything is escaped as HTML; nobody overrides them."""
    made = Environment(
        loader=PackageLoader("mlops_ci", "templates"),
        autoescape=True,
        finalize=page.shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    kept = {name: made.filters[name] for name in _KEPT_FILTERS.split()}
    own = {"code": page.code, "link": page.link, "log": page.log, "prose": page.prose}
    made.filters = {**kept, **_FILTERS, **own}
    for markdown_only in ("fence", "join", "label"):
        del made.filters[markdown_only]
    return made


def _check(made: Environment, overrides: Mapping[str, str]) -> None:
    """Refuse overrides that no template would ever look at, such as a name with a typing error."""
    known = {name for name in made.list_templates() if name.endswith(".md.j2")}
    named = {name for source in overrides.values() for name in _referenced(made, source)}
    for name in overrides:
        if name not in known and name not in named:
            raise ConfigError(
                f"{OVERRIDES}{name}: there is no template of this name",
                f"the templates are {', '.join(sorted(known))}",
            )


def _referenced(made: Environment, source: str) -> set[str]:
    try:
        return {name for name in template_meta.find_referenced_templates(made.parse(source)) if name}
    except TemplateSyntaxError:
        return set()  # reported with its line when the template is used


def render(made: Environment, template: str, **context: Any) -> str:
    """Render a template.

    Raises:
        ConfigError: a user's template is broken; the message has its file, and its line where it can.
    """
    try:
        return markdown.tidy(made.get_template(template).render(**context))
    except Exception as error:
        # Where none of their lines failed, ours may have met a part that lacks what they need of it.
        place = _place(error) or ", ".join(_overridden(made))
        if not place:
            raise
        reason = error.message if isinstance(error, TemplateError) else f"{type(error).__name__}: {error}"
        raise ConfigError(
            f"{place}: {visible.one_line(reason)}",
            f"mend it, or remove it to get the built-in {template} back",
        ) from error


def _overridden(made: Environment) -> list[str]:
    names = made.loader.overrides if isinstance(made.loader, _Loader) else ()
    return [OVERRIDES + name for name in sorted(names)]


def _place(error: Exception) -> str:
    """``file:line`` of the user's own template an error comes from, nothing where it is none."""
    if isinstance(error, TemplateSyntaxError) and (error.filename or "").startswith(OVERRIDES):
        return f"{error.filename}:{error.lineno}"
    found, frame = "", error.__traceback__
    while frame is not None:
        found = _template_line(frame) or found
        frame = frame.tb_next
    return found


def _template_line(frame: TracebackType) -> str:
    name = frame.tb_frame.f_code.co_filename
    return f"{name}:{frame.tb_lineno}" if name.startswith(OVERRIDES) else ""
