"""An OTLP receiver on loopback: reads pushes by OpenTelemetry's own messages for Python.

    python otlp.py PORT

GET answers with the last push as JSON: its resource, and each sample by the name and the labels that Prometheus would give it.
A push with a field that these messages do not have is refused.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE

last = {}


def refuse_unknown(message):
    assert len(UnknownFieldSet(message)) == 0, type(message)
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            for each in value if field.is_repeated else [value]:
                refuse_unknown(each)


def key(name, attributes, more=()):
    labels = [(pair.key, pair.value.string_value) for pair in attributes] + list(more)
    escaped = [(label, value.replace("\\", "\\\\").replace('"', '\\"')) for label, value in labels]
    return name + ("{" + ",".join(f'{label}="{value}"' for label, value in escaped) + "}" if labels else "")


def buckets(name, point):
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
    bounds = [repr(bound) for bound in point.explicit_bounds] + ["+Inf"]
    up_to = 0
    for bound, count in zip(bounds, point.bucket_counts):
        up_to += count
        yield key(f"{name}_bucket", point.attributes, [("le", bound)]), up_to
    assert up_to == point.count
    yield key(f"{name}_sum", point.attributes), point.sum
    yield key(f"{name}_count", point.attributes), point.count


def samples(metric):
    kind = metric.WhichOneof("data")
    points = getattr(metric, kind).data_points
    if kind != "gauge":
        assert getattr(metric, kind).aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE
        assert all(0 < point.start_time_unix_nano <= point.time_unix_nano for point in points)
    if kind == "sum":
        assert metric.sum.is_monotonic
    for point in points:
        if kind == "histogram":
            yield from buckets(metric.name, point)
        else:
            assert point.WhichOneof("value") == "as_double"
            yield key(metric.name, point.attributes), point.as_double


def read(body):
    request = ExportMetricsServiceRequest.FromString(body)
    refuse_unknown(request)
    [of_resource] = request.resource_metrics
    [of_scope] = of_resource.scope_metrics
    last["resource"] = {pair.key: pair.value.string_value for pair in of_resource.resource.attributes}
    last["types"] = {metric.name: metric.WhichOneof("data") for metric in of_scope.metrics}
    last["help"] = {metric.name: metric.description for metric in of_scope.metrics}
    last["samples"] = {name: str(value) for metric in of_scope.metrics for name, value in samples(metric)}


class Receiver(BaseHTTPRequestHandler):
    def answer(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer("application/json", json.dumps(last).encode())

    def do_POST(self):
        assert self.path == "/v1/metrics", self.path
        assert self.headers["Content-Type"] == "application/x-protobuf", self.headers
        read(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer("application/x-protobuf", ExportMetricsServiceResponse().SerializeToString())


HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
