"""Experiments of a cluster, under which runs and recurring runs stand."""

from collections.abc import Mapping

import kfp_server_api

from components.core.contracts.errors import SourceError
from pipelines.cluster.api import Api, Refused, named

_THERE_ALREADY = 409


def experiment_id(api: Api, name: str, space: Mapping[str, str]) -> str | None:
    """Return the id of an experiment, if the cluster has it."""
    listing = api.experiments.experiment_service_list_experiments_with_http_info
    found = next(api.pages(listing, "experiments", filter=named(name), **space), None)
    return str(found.experiment_id) if found else None


def experiment(api: Api, name: str, space: Mapping[str, str]) -> str:
    """Return the id of an experiment, which is made where it is not; somebody else may be faster.

    Raises:
        SourceError: the cluster does not make it.
    """
    if found := experiment_id(api, name, space):
        return found
    wanted = kfp_server_api.V2beta1Experiment(display_name=name, **space)
    try:
        api.call(api.experiments.experiment_service_create_experiment_with_http_info, wanted)
    except Refused as refused:
        if refused.status != _THERE_ALREADY:
            raise
    if made := experiment_id(api, name, space):
        return made
    raise SourceError(f"{api.host}: made experiment {name} and does not list it; look into the cluster's log")
