"""The recipes of assets/deploy, read by tools that know their forms.

python recipes.py kubernetes|cloudformation [NAME=VALUE…] < TEXT. Prints what the tool finds, and the documents, as JSON:
{"found": […], "documents": […]}. In a template, references to these names are replaced by the values.
"""

import json
import sys

form, text = sys.argv[1], sys.stdin.read()
values = dict(word.split("=", 1) for word in sys.argv[2:])
found = []


def kubernetes():
    import kubernetes_validate
    import yaml

    documents = list(yaml.safe_load_all(text))
    for document in documents:
        try:
            # Strict: a property that Kubernetes does not know is an error.
            kubernetes_validate.validate(document, "1.37", strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"{document.get('kind')}: {error.message}")
    return documents


def resolved(node):
    """The node with what CloudFormation would put in place of `Ref` and `Fn::Sub`."""
    if isinstance(node, list):
        return [resolved(item) for item in node]
    if not isinstance(node, dict):
        return node
    if len(node) == 1:
        (name, value), = node.items()
        if name == "Ref" and value in values:
            return values[value]
        if name == "Fn::Sub":
            for key, replacement in values.items():
                value = value.replace("${" + key + "}", replacement)
            return value
    return {key: resolved(value) for key, value in node.items()}


def cloudformation():
    from cfnlint import api, decode

    # Errors and warnings; its informational findings are about taste.
    found.extend(str(match) for match in api.lint_all(text) if not match.rule.id.startswith("I"))
    template, problems = decode.decode_str(text)
    found.extend(str(problem) for problem in problems)
    return [] if found else [resolved(template)]


documents = kubernetes() if form == "kubernetes" else cloudformation()
print(json.dumps({"found": found, "documents": documents}))
