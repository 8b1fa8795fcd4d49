"""What is asked of Kubernetes' API: things, the kinds that it offers, and what the caller may do."""

from components.core.contracts.records import Record


class Thing(Record):
    """One thing by its name, or all of a resource; `group` is empty for what is of Kubernetes' core."""

    resource: str
    group: str = ""
    version: str = "v1"
    namespace: str | None = None
    name: str | None = None

    @property
    def path(self) -> str:
        """Where the API has it."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        space = f"/namespaces/{self.namespace}" if self.namespace else ""
        return f"{root}{space}/{self.resource}{f'/{self.name}' if self.name else ''}"

    @property
    def permission(self) -> str:
        """What somebody has to be permitted who asks for it."""
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        place = f" in {self.namespace}" if self.namespace else ""
        return f"get {resource}/{self.name}{place}" if self.name else f"list {resource}{place}"


class Kinds(Record):
    """The resources of a group that a cluster has; whoever is known to the cluster may ask."""

    group: str
    version: str

    @property
    def path(self) -> str:
        """Where the API has the list."""
        return f"/apis/{self.group}/{self.version}"

    @property
    def permission(self) -> str:
        """What somebody has to be permitted who asks for it."""
        return f"get {self.path}"


class Review(Record):
    """Whether the caller may do something; asking is a request that makes nothing."""

    verb: str
    resource: str
    group: str
    namespace: str

    @property
    def path(self) -> str:
        """Where the API takes it."""
        return "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

    @property
    def permission(self) -> str:
        """What somebody has to be permitted who asks for it."""
        return "create selfsubjectaccessreviews.authorization.k8s.io"


Question = Thing | Kinds | Review
