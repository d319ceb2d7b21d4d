"""Parses SQL in Athena's dialect. Standard input: a JSON array of texts. Prints the kinds of the statements of each one.

A statement that is not understood ends the program.
"""

import json
import sys

import sqlglot

for text in json.load(sys.stdin):
    statements = sqlglot.parse(text, dialect="athena", error_level=sqlglot.ErrorLevel.RAISE)
    # What sqlglot does not know becomes a `Command`, which holds any text.
    assert not any(statement.find(sqlglot.exp.Command) for statement in statements), text
    print(json.dumps([f"{statement.key} {statement.args['kind']}" for statement in statements]))
