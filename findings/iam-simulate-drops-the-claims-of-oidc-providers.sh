#!/usr/bin/env bash
# @cloud-copilot/iam-simulate 0.1.173 decides that the trust policy which AWS documents for IRSA allows nobody.
#
# A condition on a token has the issuer in its key: oidc.eks.eu-west-1.amazonaws.com/id/D43C:sub. The engine keeps only the
# context keys that AWS lists for the action, and AWS lists those of the public providers alone (accounts.google.com:sub), so
# the claims of every other provider are dropped from the request and the condition never holds. (runUnsafeSimulation keeps them,
# but fails with a TypeError on every request with a resource policy.) tests/peers/trust.rs lets a public provider stand for
# the cluster's.
#
# Seen: Allowed for accounts.google.com, ImplicitlyDenied for the same policy and token of an EKS cluster.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts --save-exact @cloud-copilot/iam-simulate@0.1.173

cat >run.js <<'JS'
const { runSimulation } = require('@cloud-copilot/iam-simulate')
const decided = async (issuer) => {
  const provider = `arn:aws:iam::111111111111:oidc-provider/${issuer}`
  const claims = { [`${issuer}:aud`]: 'sts.amazonaws.com', [`${issuer}:sub`]: 'system:serviceaccount:a:b' }
  const statement = {
    Effect: 'Allow', Principal: { Federated: provider }, Action: 'sts:AssumeRoleWithWebIdentity',
    Condition: { StringEquals: claims },
  }
  const answer = await runSimulation({
    request: {
      principal: provider, action: 'sts:AssumeRoleWithWebIdentity', contextVariables: claims,
      resource: { resource: 'arn:aws:iam::111111111111:role/r', accountId: '111111111111' },
    },
    identityPolicies: [], serviceControlPolicies: [], resourceControlPolicies: [],
    resourcePolicy: { Version: '2012-10-17', Statement: [statement] },
  }, {})
  return answer.overallResult
}
Promise.all(['accounts.google.com', 'oidc.eks.eu-west-1.amazonaws.com/id/D43C'].map(decided)).then((results) => {
  console.log(results.join(' '))
  process.exit(results.join() === 'Allowed,ImplicitlyDenied' ? 0 : 1)
})
JS
node run.js
