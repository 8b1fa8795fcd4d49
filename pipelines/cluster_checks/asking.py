"""Kubernetes' API through its official client: it is asked, and nothing of it is changed."""

import os
from typing import Any

import yaml
from kubernetes import client, config
from kubernetes.client import ApiException

from components.core.contracts.errors import ConfigurationError, SourceError
from pipelines.cluster.api import Refused, explained
from pipelines.cluster_checks.questions import Question, Review, Thing

Json = dict[str, Any]
TIMEOUTS_S = (5.0, 20.0)  # to connect, and for an answer
_WHOLE = "application/json"
# Secrets come without their values: the names of their keys stand in their history.
_METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_BROKEN = (config.ConfigException, yaml.YAMLError, OSError, ValueError, TypeError, KeyError, AttributeError)


class NotPermitted(SourceError):
    """What the caller may not look at; says which permission is wanted."""


class Kubernetes:
    """A cluster as a kubeconfig names it; nothing is asked of it before `answer`."""

    def __init__(self, context: str | None) -> None:
        """Name a cluster as kubectl would: KUBECONFIG or ~/.kube/config, and a context of it.

        Raises:
            ConfigurationError: there is no kubeconfig, it cannot be read, or has no such context.
        """
        configuration = client.Configuration()
        file = os.environ.get("KUBECONFIG") or "~/.kube/config"
        try:
            config.load_kube_config(
                config_file=file, context=context, client_configuration=configuration, persist_config=False
            )
        except _BROKEN as error:
            said = " ".join(str(error).split())[:200]
            raise ConfigurationError(
                f"kubeconfig {file}: {said}; mend it, or name another with KUBECONFIG and --context"
            ) from error
        configuration.retries = False
        self.host = configuration.host
        self._client = client.ApiClient(configuration)

    def version(self) -> str:
        """Return the version of the API server, such as v1.37.0.

        Raises:
            SourceError: the cluster cannot be reached, or this is none.
        """
        try:
            return str(self._ask("GET", "/version", _WHOLE, None)["gitVersion"])
        except (Refused, KeyError) as error:
            if isinstance(error, Refused) and error.status != 404:
                raise
            raise self._stranger() from error

    def answer(self, question: Question) -> Json | None:
        """Return what the cluster says, or nothing where it has no such thing.

        Raises:
            NotPermitted: the caller may not ask this.
            SourceError: the cluster cannot be asked.
        """
        try:
            if isinstance(question, Review):
                return self._ask("POST", question.path, _WHOLE, review(question))
            is_secret = isinstance(question, Thing) and question.resource == "secrets"
            return self._ask("GET", question.path, _METADATA_ONLY if is_secret else _WHOLE, None)
        except Refused as refused:
            if refused.status == 404:
                return None
            if refused.status == 403:
                raise NotPermitted(f"{question.permission} is not permitted to you") from refused
            raise

    def _ask(self, method: str, path: str, accept: str, body: Json | None) -> Json:
        with_explanation = explained(self.host, ApiException)
        try:
            answer, _, headers = with_explanation(
                lambda: self._client.call_api(
                    path,
                    method,
                    header_params={"Accept": accept, "Content-Type": "application/json"},
                    body=body,
                    response_type="object",
                    auth_settings=["BearerToken"],
                    _request_timeout=TIMEOUTS_S,
                )
            )
        except Refused as refused:
            if refused.status == 401:
                raise SourceError(f"{self.host}: 401: it does not know you; log in as you do for kubectl") from refused
            raise
        # A page for people, such as that of a login, is no answer.
        if "json" not in headers.get("Content-Type", "") or not isinstance(answer, dict):
            raise self._stranger()
        return answer

    def _stranger(self) -> SourceError:
        return SourceError(f"{self.host}: answers, but not as Kubernetes' API; mend the server of the kubeconfig")


def review(question: Review) -> Json:
    """Return the request that asks whether the caller may do something."""
    wanted = question.model_dump()
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": wanted},
    }
