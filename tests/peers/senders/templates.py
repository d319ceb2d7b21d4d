"""The policies in a CloudFormation template or a Terraform file, read by cfn-lint and python-hcl2.

python templates.py yaml|tf < TEXT. Prints what cfn-lint finds in a template (python-hcl2 refuses what is no HCL), and the
policies by the resource and the property that hold them, as JSON: {"found": […], "policies": {"Role.AssumeRolePolicyDocument": …}}.
"""

import io
import json
import re
import sys

form, text = sys.argv[1], sys.stdin.read()
found, policies = [], {}


def from_template():
    from cfnlint import api, decode

    # Errors and warnings; its informational findings are about taste.
    found.extend(str(match) for match in api.lint_all(text) if not match.rule.id.startswith("I"))
    template, problems = decode.decode_str(text)
    found.extend(str(problem) for problem in problems)
    for name, resource in template["Resources"].items():
        for key, value in resource["Properties"].items():
            if isinstance(value, dict) and "Statement" in value:
                policies[f"{resource['Type']}.{key}"] = value


def value_of(expression):
    """The value of `${jsonencode({Name = "value"})}`, which python-hcl2 leaves as text on one line."""
    inner = re.fullmatch(r"\$\{jsonencode\((.*)\)\}", expression, re.DOTALL).group(1)
    # Strings and everything else in turn.
    pieces = re.split(r'("(?:[^"\\]|\\.)*")', inner)
    for at in range(0, len(pieces), 2):
        pieces[at] = re.sub(r"\b([A-Za-z_][A-Za-z0-9_-]*)(?= = )", r'"\1"', pieces[at]).replace(" = ", ": ")
    return json.loads("".join(pieces).replace("$${", "${").replace("%%{", "%{"))


def from_hcl():
    import hcl2

    for block in hcl2.load(io.StringIO(text))["resource"]:
        for kind, named in block.items():
            kind = kind.strip('"')
            for attributes in named.values():
                for key, value in attributes.items():
                    if isinstance(value, str) and value.startswith("${jsonencode("):
                        policies[f"{kind}.{key}"] = value_of(value)


from_template() if form == "yaml" else from_hcl()
print(json.dumps({"found": found, "policies": policies}))
