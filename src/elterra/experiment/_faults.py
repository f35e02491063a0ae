"""From the text of an experiment file to plain values with their lines, and from what is wrong to one line each: file, line,
key, what was expected and what was got."""

from __future__ import annotations

import difflib
import types
import typing
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from elterra.errors import InputError

_MAX_DEPTH = 16

Lines = dict[tuple[str | int, ...], int]


def parse(text: str, where: str) -> tuple[Any, Lines]:
    """Plain values and the line of each key. Anchors, deep nesting, double keys and tags are refused."""
    try:
        depth = 0
        for event in yaml.parse(
            text, Loader=yaml.SafeLoader
        ):  # a stream: nothing is expanded or recursed here
            mark = event.start_mark
            line = mark.line + 1 if mark is not None else 0
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
                raise InputError(f"{where}, line {line}: anchors and aliases (& and *) are not used here")
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > _MAX_DEPTH:
                raise InputError(f"{where}, line {line}: nested deeper than {_MAX_DEPTH} levels")
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            lines: Lines = {}
            if node is not None:
                _walk(node, (), lines, where, loader)
            return (loader.construct_document(node) if node is not None else None), lines
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f", line {mark.line + 1}" if mark is not None else ""
        parts = [getattr(error, name, None) for name in ("context", "problem")]
        problem = ", ".join(p for p in parts if p) or str(error)
        raise InputError(f"{where}{at}: not valid YAML: {problem}") from None


def _walk(
    node: yaml.Node, path: tuple[str | int, ...], lines: Lines, where: str, loader: yaml.SafeLoader
) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, str(key.value))
            if here in lines:
                raise InputError(
                    f"{where}, line {key.start_mark.line + 1}: {_dotted(here)} stands here a second time "
                    f"(first in line {lines[here]})"
                )
            lines[here] = key.start_mark.line + 1
            _walk(value, here, lines, where, loader)
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            _walk(value, (*path, i), lines, where, loader)
    else:
        try:
            loader.construct_object(node)
        except ValueError as error:  # a date that does not exist
            line = node.start_mark.line + 1
            raise InputError(f"{where}, line {line}: {_dotted(path)}: {error}, got {node.value!r}") from None


def faults_of(
    cls: type[BaseModel], error: ValidationError, plain: Any, where: str, lines: Lines
) -> list[str]:
    if not isinstance(plain, dict):
        return [_no_mapping(plain, where, lines)]
    found = []
    faults = error.errors(include_url=False)
    for fault in faults:
        if fault["type"] == "too_short" and any(
            f is not fault and f["loc"][: len(fault["loc"])] == fault["loc"] for f in faults
        ):
            continue  # a list whose entries are at fault: what is left of it is too short
        path, model = _locate(cls, fault["loc"], plain)
        if path is None:
            continue  # the other branch of a union
        line = next((lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in lines), None)
        head = f"{where}{f', line {line}' if line else ''}: {_dotted(path) or 'the file'}"
        if fault["type"] == "extra_forbidden":
            known = sorted(model.model_fields) if model else []
            near = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.5)
            hint = f"did you mean `{near[0]}`? " if near else ""
            found.append(f"{head}: unknown key; {hint}Expected one of: {', '.join(known)}")
        elif fault["type"] == "missing":
            found.append(f"{head}: is missing ({_description(model, path)})")
        else:
            text = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
            got = fault["input"]
            shown = "" if isinstance(got, dict | list | BaseModel) else f", got {got!r}"
            known = model.model_fields.get(str(path[-1])) if model and path else None
            what = f" ({known.description.rstrip('.')})" if known and known.description else ""
            found.append(f"{head}: expected {text}{shown}{what}" if shown else f"{head}: {text}")
    return found


def _no_mapping(plain: Any, where: str, lines: Lines) -> str:
    """What is said of a file that holds no keys."""
    wanted = "expected keys with values, at least `name`, `site`, `data` and `period`"
    more = "`elterra new station --from TABLE` writes such a file; the guide `experiment.md` lists the keys"
    if plain is None:
        return f"{where}: the file is empty; {wanted}. {more}"
    got = "a list" if isinstance(plain, list) else f"{plain!r}"
    return f"{where}, line {lines.get((), 1)}: {wanted}, got {got}. {more}"


def _locate(
    cls: type[BaseModel], loc: tuple[str | int, ...], plain: Any
) -> tuple[tuple[str | int, ...] | None, type[BaseModel] | None]:
    """Path in the file of a pydantic location (without names of union branches), and the model of its key."""
    path: list[str | int] = []
    model: type[BaseModel] | None = cls
    value = plain
    parts = list(loc)
    while parts:
        part = parts.pop(0)
        inside = value.get(part) if isinstance(value, dict) else None
        known = model.model_fields.get(str(part)) if model else None
        path.append(part)
        if not parts:
            break
        if isinstance(value, list | tuple) and isinstance(part, int):
            value = value[part]
            continue
        value = inside
        if known is not None:
            branches = _branches(known.annotation)
            if branches and len(_union(known.annotation)) > 1:
                branch = str(parts.pop(0))
                # pydantic calls the branch of a validated model "function-after[check(), Model]"
                of_model = any(branch == b.__name__ or branch.endswith(f" {b.__name__}]") for b in branches)
                if of_model != isinstance(value, dict):
                    return None, None
            model = branches[0] if branches else None
    return tuple(path), model


def _union(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return tuple(a for a in typing.get_args(annotation) if a is not type(None))
    return (annotation,)


def _branches(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for a in typing.get_args(annotation) for m in _branches(a)]


def _description(model: type[BaseModel] | None, path: tuple[str | int, ...]) -> str:
    known = model.model_fields.get(str(path[-1])) if model else None
    return (known.description or "needed") if known else "needed"


def _dotted(path: tuple[str | int, ...]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
