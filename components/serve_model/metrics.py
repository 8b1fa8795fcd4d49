"""What the server counts, in Prometheus' words."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from components.core.inference.answers import Generation

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_ROWS = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """The counts of one server."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter("desta_requests", "Requests by HTTP status", ["status"], registry=registry)
        self.seconds = Histogram(
            "desta_request_seconds", "From a request to the end of its answer", buckets=_SECONDS, registry=registry
        )
        self.first = Histogram(
            "desta_first_token_seconds", "From a request to its first token", buckets=_SECONDS, registry=registry
        )
        self.batches = Histogram("desta_batch_rows", "Requests answered together", buckets=_ROWS, registry=registry)
        self.waiting = Gauge("desta_queue_requests", "Requests that wait", registry=registry)
        self._read = Counter("desta_prompt_tokens", "Positions read by the LLM", registry=registry)
        self._written = Counter("desta_completion_tokens", "Tokens written by the LLM", registry=registry)
        self._heard = Counter("desta_audio_seconds", "Audio heard", registry=registry)

    def answered(self, said: Generation) -> None:
        """Count what an answer took."""
        self._read.inc(said.prompt_tokens)
        self._written.inc(len(said.tokens))
        self._heard.inc(sum(clip.end_s - clip.start_s for clip in said.clips))

    def page(self) -> bytes:
        """Return all counts as text."""
        return generate_latest(self._registry)
