// What an independent IAM engine, iam-simulate, decides about requests: node simulate.js < requests.json. Each request is
// {principal, action, resource, account, context, identity, policy}: who does what to which resource of which account, the
// request's context, the policies of the principal, and the policy of the resource (a role's trust policy, a stream's resource
// policy, a key's policy). Prints a JSON list of "Allowed", "ImplicitlyDenied" or "ExplicitlyDenied".
const { readFileSync } = require("node:fs");
const { runSimulation } = require("@cloud-copilot/iam-simulate");

async function decided({ principal, action, resource, account, context, identity, policy }) {
  const simulation = {
    request: { principal, action, resource: { resource, accountId: account }, contextVariables: context },
    identityPolicies: identity.map((policy, at) => ({ name: `policy ${at}`, policy })),
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    resourcePolicy: policy ?? undefined,
  };
  const answer = await runSimulation(simulation, {});
  if (answer.resultType === "error") throw new Error(JSON.stringify(answer.errors));
  return answer.overallResult;
}

Promise.all(JSON.parse(readFileSync(0, "utf8")).map(decided)).then(
  (results) => console.log(JSON.stringify(results)),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
