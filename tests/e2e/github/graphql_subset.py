"""Cuts GitHub's GraphQL schema down to what the stand answers: ``python -m tests.e2e.github.graphql_subset FILE``.

FILE is ``schema.graphql`` of the npm package @octokit/graphql-schema.
"""

from __future__ import annotations

import sys
from pathlib import Path

from graphql import (
    DefinitionNode,
    DocumentNode,
    EnumTypeDefinitionNode,
    FieldDefinitionNode,
    InputObjectTypeDefinitionNode,
    InterfaceTypeDefinitionNode,
    Node,
    ObjectTypeDefinitionNode,
    ScalarTypeDefinitionNode,
    TypeDefinitionNode,
    Visitor,
    parse,
    print_ast,
    visit,
)

TARGET = Path(__file__).with_name("schema.graphql")

FIELDS = {
    "Query": "viewer repository node",
    "Mutation": "minimizeComment unminimizeComment enablePullRequestAutoMerge disablePullRequestAutoMerge",
    "Node": "id",
    "Actor": "login",
    "User": "id login",
    "Bot": "id login",
    "Repository": "id nameWithOwner pullRequest",
    "PullRequest": "id number title state isDraft merged headRefOid mergeStateStatus autoMergeRequest",
    "AutoMergeRequest": "mergeMethod enabledAt enabledBy commitHeadline commitBody",
    "Minimizable": "isMinimized minimizedReason",
    "IssueComment": "id body author isMinimized minimizedReason",
    "MinimizeCommentPayload": "clientMutationId minimizedComment",
    "UnminimizeCommentPayload": "clientMutationId unminimizedComment",
    "EnablePullRequestAutoMergePayload": "clientMutationId actor pullRequest",
    "DisablePullRequestAutoMergePayload": "clientMutationId actor pullRequest",
}
PLAIN = (EnumTypeDefinitionNode, ScalarTypeDefinitionNode, InputObjectTypeDefinitionNode)


class _Prose(Visitor):
    """Drops descriptions."""

    def enter(self, node: Node, *_: object) -> None:
        if getattr(node, "description", None) is not None:
            node.description = None


class _Names(Visitor):
    """Collects the names of types that a definition mentions."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_named_type(self, node: Node, *_: object) -> None:
        self.found.add(node.name.value)  # type: ignore[attr-defined]


def cut(definition: DefinitionNode) -> DefinitionNode | None:
    """A kept type with its kept fields and interfaces."""
    if not isinstance(definition, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode):
        return None
    wanted = FIELDS.get(definition.name.value, "").split()
    if not wanted:
        return None
    fields: list[FieldDefinitionNode] = [one for one in definition.fields if one.name.value in wanted]
    definition.fields = tuple(fields)
    definition.interfaces = tuple(one for one in definition.interfaces if one.name.value in FIELDS)
    return definition


def subset(text: str) -> str:
    """The kept types, then what they mention."""
    every = parse(text, no_location=True).definitions
    kept = [found for one in every if (found := cut(one))]
    plain = {
        one.name.value: one for one in every if isinstance(one, PLAIN) and isinstance(one, TypeDefinitionNode)
    }
    pending = mentioned(kept)
    while pending:
        name = min(pending)
        pending.discard(name)
        if name in plain:
            one = plain.pop(name)
            kept.append(one)
            pending |= mentioned([one])
    document = visit(DocumentNode(definitions=tuple(kept)), _Prose())
    return f"{print_ast(document)}\n"


def mentioned(definitions: list[DefinitionNode]) -> set[str]:
    names = _Names()
    for one in definitions:
        visit(one, names)
    return names.found


if __name__ == "__main__":
    TARGET.write_text(subset(Path(sys.argv[1]).read_text()))
