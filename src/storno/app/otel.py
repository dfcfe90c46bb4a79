"""Traces to OpenTelemetry: the gateway's spans over OTLP, with the libraries of the extra `otel`.

Nothing is imported before a tracer is made, and none is made without `[trace] endpoint`. Sending happens in the
library's own thread from a bounded queue: a collector that is slow or gone costs spans, never a transaction.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

from storno import __version__
from storno.app.setting_check import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from storno.app.watching import TraceSettings
    from storno.gateway.tracing import Span

QUEUE_MAX = 8_192
BATCH = 512
SEND_S = 5
_NEEDED = "opentelemetry.exporter.otlp.proto.http.trace_exporter"


class OtelTracer:
    """Gives spans to an OpenTelemetry provider, which it closes in the end."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("storno.gateway", __version__)
        self._error = import_module("opentelemetry.trace").StatusCode.ERROR

    def span(self, span: Span) -> None:
        """Hand over a span with its own times."""
        made = self._tracer.start_span(
            span.name, start_time=span.start_ms * 1_000_000, attributes=dict(span.attributes)
        )
        if span.failed:
            made.set_status(self._error)
        made.end(end_time=span.end_ms * 1_000_000)

    def close(self) -> None:
        """Send what waits, for a few seconds at most, and end."""
        self._provider.shutdown()


class _Told(logging.Handler):
    """Says what the library logs (it cannot send, say) where the gateway says everything."""

    def __init__(self, warn: Callable[[str, str], None]) -> None:
        super().__init__(logging.WARNING)
        self._warn = warn

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage().splitlines()[0][:300]
        self._warn(f"traces: {said}", f"链路追踪：{said}")


def otel_tracer(settings: TraceSettings, warn: Callable[[str, str], None] | None = None) -> OtelTracer:
    """Make a tracer that sends to the endpoint of the settings.

    Raises:
        SettingsError: the extra `otel` is not installed.

    """
    try:
        exporter = import_module(_NEEDED)
        sdk = import_module("opentelemetry.sdk.trace")
        export = import_module("opentelemetry.sdk.trace.export")
        resources = import_module("opentelemetry.sdk.resources")
    except ImportError as error:
        raise SettingsError(
            f"[trace] endpoint: needs the extra `otel` ({error.name} is missing): pip install 'storno[otel]'",
            f"[trace] endpoint：需要扩展 `otel`（缺少 {error.name}）：pip install 'storno[otel]'",
        ) from None
    if warn is not None:
        log = logging.getLogger("opentelemetry")
        log.addHandler(_Told(warn))
        log.propagate = False
    named = {"service.name": settings.service, "service.version": __version__}
    provider = sdk.TracerProvider(resource=resources.Resource.create(named), shutdown_on_exit=False)
    sender = exporter.OTLPSpanExporter(endpoint=settings.endpoint, timeout=SEND_S)
    provider.add_span_processor(
        export.BatchSpanProcessor(sender, max_queue_size=QUEUE_MAX, max_export_batch_size=BATCH)
    )
    return OtelTracer(provider)
