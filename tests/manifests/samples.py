"""Manifests in the style of their projects' own samples, one list a kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import ndiff
from typing import Any

import pytest
from pydantic import BaseModel

from mlops_ci.errors import ManifestError
from mlops_ci.manifests import MANIFESTS
from mlops_ci.rollout import Rollout, Served


def served(letter: str) -> Served:
    """A release by a letter from a to f: content-addressed, with its digest."""
    return Served.of(f"s3://models/iris/sha256-{letter * 64}/model.json")


A, B, C = served("a"), served("b"), served("c")
IMAGES = {letter: Served.of(f"registry.example.com:5000/iris@sha256:{letter * 64}") for letter in "abc"}


@dataclass(frozen=True)
class Sample:
    """A manifest, the options it is read with, what it says, and the strategies that work with it."""

    kind: str
    name: str
    text: str
    says: Rollout
    options: Mapping[str, Any] = field(default_factory=dict)
    images: bool = False
    strategies: tuple[str, ...] = ("direct",)

    @property
    def chosen(self) -> BaseModel:
        """The kind's options for it."""
        return MANIFESTS[self.kind].Options.model_validate(dict(self.options))

    def read(self, text: str | None = None) -> Rollout:
        """What it says, or another text."""
        return MANIFESTS[self.kind].read(self.text if text is None else text, self.chosen)

    def but(self, *replacements: tuple[str, str], **options: Any) -> Sample:
        """It with other words at some places, and other options."""
        text = self.text
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        return replace(self, text=text, options={**self.options, **options})

    def refusal(self, rollout: Rollout | None = None) -> str:
        """What is said where it cannot be read, or a rollout not written: the message and the hint."""
        with pytest.raises(ManifestError) as caught:
            self.read() if rollout is None else self.write(rollout)
        assert caught.value.hint
        return f"{caught.value.message} | {caught.value.hint}"

    def diff(self, rollout: Rollout) -> list[str]:
        """The lines that go and come with another rollout, without their indents."""
        lines = ndiff(self.text.splitlines(), self.write(rollout).splitlines())
        return [f"{line[0]} {line[2:].strip()}" for line in lines if line[0] in "+-"]

    def write(self, rollout: Rollout, text: str | None = None) -> str:
        """It with another rollout."""
        return MANIFESTS[self.kind].write(self.text if text is None else text, rollout, self.chosen)

    def notes(self, rollout: Rollout) -> str:
        """What is said about a rollout of it."""
        return "\n".join(MANIFESTS[self.kind].notes(self.text, rollout, self.chosen))


KNATIVE = f"""\
# The model of the flower shop.
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: iris
  annotations:
    serving.kserve.io/deploymentMode: "Serverless"   # the old word for Knative
spec:
  predictor:
    minReplicas: 1
    model:
      modelFormat: {{name: sklearn}}
      storageUri: "{A.uri}"  # set by promotions
"""
KNATIVE_CANARY = f"""\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {{name: iris}}
spec:
  predictor:
    canaryTrafficPercent: 10
    model:
      modelFormat:
        name: xgboost
      storageUri: {B.uri}
"""
OLD_STYLE = f"""\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: iris
spec:
  predictor:
    sklearn:
      storageUri: {A.uri}
"""
CUSTOM = f"""\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: iris
spec:
  predictor:
    containers:
    - name: kserve-container
      image: registry.example.com/server:1.4
      env:
      - name: PROTOCOL
        value: v2
      - name: STORAGE_URI
        value: {A.uri}
"""
SEVERAL_URIS = f"""\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: iris
spec:
  predictor:
    model:
      modelFormat:
        name: huggingface
    storageUris:
      - uri: s3://models/base
        mountPath: /mnt/models/base
      - uri: {A.uri}
        mountPath: /mnt/models/adapter
"""
STANDARD = f"""\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: iris
  annotations:
    serving.kserve.io/deploymentMode: Standard
spec:
  predictor:
    name: v1
    minReplicas: 2
    maxReplicas: 4
    model:
      modelFormat:
        name: sklearn
      storageUri: {A.uri}
"""
STANDARD_CANARY = f"""\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: iris
  annotations:
    serving.kserve.io/deploymentMode: RawDeployment
spec:
  predictor: {{name: v1, model: {{modelFormat: {{name: sklearn}}, storageUri: "{A.uri}"}}}}
  canary:
  - trafficPercent: 5
    predictor:
      name: v2
      model:
        name: kserve-container
        modelFormat: {{name: sklearn}}
        storageUri: {B.uri}
"""
ROLLOUT_CANARY = f"""\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: iris
spec:
  replicas: 5
  strategy:
    canary:
      steps:
      - setWeight: 20
      - pause: {{}}
  selector:
    matchLabels: {{app: iris}}
  template:
    metadata:
      labels: {{app: iris}}
    spec:
      containers:
      - name: server
        image: registry.example.com/server:1.4
        env:
        - {{name: MODEL_URI, value: "{A.uri}"}}
        - {{name: MODEL_SHA256, value: "{"a" * 64}"}}
"""
ROLLOUT_BLUE_GREEN = f"""\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: iris
spec:
  strategy:
    blueGreen:
      activeService: iris-active
      previewService: iris-preview
  template:
    spec:
      containers:
        - name: server
          image: registry.example.com/server:1.4
          env:
            - name: MODEL_URI
              value: {A.uri}
"""
ROLLOUT_WAITING = f"""\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: iris
spec:
  strategy:
    blueGreen:
      activeService: iris-active
      autoPromotionEnabled: false
  template:
    spec:
      containers:
      - name: server
        image: {IMAGES["b"].uri}
"""
DEPLOYMENT = f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: iris
  namespace: shop
spec:
  template:
    metadata:
      labels:
        app: iris
    spec:
      containers:
        - name: proxy
          image: registry.example.com/proxy:2
        - name: server
          image: registry.example.com/server:1.4
          env:
            - name: MODEL_URI
              value: "{A.uri}"
            - name: MODEL_SHA256
              value: "sha256:{"a" * 64}"
---
apiVersion: v1
kind: Service
metadata:
  name: iris
spec:
  selector:
    app: iris
"""
ANNOTATED = f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: iris
spec:
  template:
    metadata:
      annotations:
        example.com/model: {A.uri}
        example.com/digest: {"a" * 64}
    spec:
      containers:
      - name: server
        image: registry.example.com/server:1.4
"""
IMAGE = f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: iris
spec:
  template:
    spec:
      initContainers:
      - {{name: wait, image: registry.example.com/wait:1}}
      containers:
      - name: server
        image: {IMAGES["a"].uri}
"""


def slot(name: str, release: Served) -> str:
    """A Deployment of one slot."""
    return f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: iris-{name}
spec:
  template:
    metadata:
      labels: {{app: iris, slot: {name}}}
    spec:
      containers:
      - name: server
        image: registry.example.com/server:1.4
        env:
        - name: MODEL_URI
          value: {release.uri}
        - name: MODEL_DIGEST
          value: {release.digest}
"""


SLOTS = f"""\
{slot("blue", A)}---
{slot("green", B)}---
apiVersion: v1
kind: Service
metadata:
  name: iris
spec:
  selector:
    app: iris
    slot: blue   # who is live
  ports:
  - port: 80
"""
KUSTOMIZE = f"""\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - ../../base
configMapGenerator:
  - name: iris-model
    literals:
      - MODEL_URI={A.uri}
      - MODEL_SHA256={"a" * 64}
      - THREADS=4
"""
KUSTOMIZE_IMAGE = f"""\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../../base]
images:
- name: iris
  newName: registry.example.com:5000/iris
  digest: sha256:{"a" * 64}
- name: proxy
  newTag: "2"
"""
HELM = f"""\
replicas: 2

model:
  # Written by promotions.
  uri: "{A.uri}"
  sha256: {"a" * 64}
"""
HELM_CANARY = f"""\
model:
    uri: {A.uri}
canary:
    enabled: false
    uri: ''
    weight: 0
"""
HELM_RUNNING = f"""\
model: {{uri: "{A.uri}", sha256: "sha256:{"a" * 64}"}}
canary: {{uri: "{B.uri}", sha256: "sha256:{"b" * 64}", weight: 25}}
"""
ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: iris
spec:
  parentRefs:
  - name: gateway
  rules:
  - backendRefs:
    - name: iris-blue
      port: 8080
      weight: 100
    - name: iris-green
      port: 8080
      weight: 0
"""
ROUTED = f"{ROUTE}---\n{slot('blue', A)}---\n{slot('green', B)}"


def renamed(text: str, name: str) -> str:
    """A manifest of an InferenceService with another name."""
    return text.replace("name: iris\n", f"name: {name}\n")


MIRRORED = f"""\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: iris}}
spec:
  rules:
  - matches: [{{path: {{type: PathPrefix, value: /v2}}}}]
    filters:
    - type: RequestHeaderModifier
      requestHeaderModifier: {{remove: [x-debug]}}
    - type: RequestMirror
      requestMirror:
        backendRef: {{name: iris-v2-predictor, port: 80}}
        percent: 50
    backendRefs:
    - {{name: iris-v1-predictor, port: 80, weight: 1}}
    - {{name: iris-v2-predictor, port: 80, weight: 0}}
---
{renamed(KNATIVE, "iris-v1")}---
{renamed(OLD_STYLE, "iris-v2").replace(A.uri, B.uri)}"""

SWITCH = ("direct", "blue_green")
RAMP = (*SWITCH, "canary")
ALL = (*RAMP, "shadow")
SAMPLES = (
    Sample("kserve", "knative", KNATIVE, Rollout(A), strategies=RAMP),
    Sample("kserve", "knative canary", KNATIVE_CANARY, Rollout(None, B, 10), strategies=RAMP),
    Sample("kserve", "old style", OLD_STYLE, Rollout(A), strategies=RAMP),
    Sample("kserve", "custom", CUSTOM, Rollout(A), {"mode": "standard"}, strategies=RAMP),
    Sample(
        "kserve", "several uris", SEVERAL_URIS, Rollout(A), {"mount": "/mnt/models/adapter"}, strategies=RAMP
    ),
    Sample("kserve", "standard", STANDARD, Rollout(A), strategies=RAMP),
    Sample("kserve", "standard canary", STANDARD_CANARY, Rollout(A, B, 5), strategies=RAMP),
    Sample("rollouts", "canary", ROLLOUT_CANARY, Rollout(A)),
    Sample("rollouts", "blue-green", ROLLOUT_BLUE_GREEN, Rollout(A), strategies=SWITCH),
    Sample(
        "rollouts",
        "waiting",
        ROLLOUT_WAITING,
        Rollout(None, IMAGES["b"]),
        {"image": True},
        images=True,
        strategies=SWITCH,
    ),
    Sample("deployment", "variable", DEPLOYMENT, Rollout(A)),
    Sample(
        "deployment",
        "annotation",
        ANNOTATED,
        Rollout(A),
        {"annotation": "example.com/model", "digest": "example.com/digest"},
    ),
    Sample("deployment", "image", IMAGE, Rollout(IMAGES["a"]), {"image": True}, images=True),
    Sample("deployment", "slots", SLOTS, Rollout(A, B), strategies=SWITCH),
    Sample("kustomize", "literal", KUSTOMIZE, Rollout(A)),
    Sample("kustomize", "image", KUSTOMIZE_IMAGE, Rollout(IMAGES["a"]), {"image": "iris"}, images=True),
    Sample("helm", "values", HELM, Rollout(A)),
    Sample("helm", "canary", HELM_CANARY, Rollout(A), strategies=RAMP),
    Sample("helm", "running canary", HELM_RUNNING, Rollout(A, B, 25), strategies=RAMP),
    Sample("httproute", "deployments", ROUTED, Rollout(A, B), strategies=ALL),
    Sample("httproute", "mirror", MIRRORED, Rollout(A, B, mirror=50), strategies=ALL),
)
NAMES = [f"{one.kind}, {one.name}" for one in SAMPLES]


def sample(kind: str, name: str) -> Sample:
    """A sample by its names."""
    [found] = [one for one in SAMPLES if (one.kind, one.name) == (kind, name)]
    return found
