"""
Every metric, once: docs/telemetry.md, Prometheus, OTLP, the dashboards and the rules all have these and no other.

No label holds a symbol, a topic, a client, a token or a connection: how many series
there are depends on how many exchanges there are, and on nothing that traffic changes.
"""

from typing import Final

from gateway.telemetry.metrics.model import Metric

EXCHANGE: Final = ("exchange",)

# --- the process

BUILD_INFO: Final = Metric(
    "gateway.build.info", "gauge", "1", "Always 1; its labels say what runs", ("version", "python")
)
CPU: Final = Metric("process.cpu.time", "counter", "s", "CPU time of the process", (), "process_cpu_seconds_total")
MEMORY: Final = Metric(
    "process.memory.usage", "gauge", "By", "Resident memory", (), "process_resident_memory_bytes"
)
OPEN_FILES: Final = Metric(
    "process.open_file_descriptor.count", "gauge", "{count}", "Open file descriptors", (), "process_open_fds"
)
MOST_FILES: Final = Metric(
    "process.open_file_descriptor.limit",
    "gauge",
    "{count}",
    "File descriptors that may be open",
    (),
    "process_max_fds",
)
STARTED: Final = Metric(
    "process.start.time",
    "gauge",
    "s",
    "When the process was started, since 1970",
    (),
    "process_start_time_seconds",
)
SPANS_LOST: Final = Metric("gateway.spans.lost", "counter", "{span}", "Spans of traces that no collector got")
LOOP_LAG: Final = Metric("gateway.loop.lag", "histogram", "s", "How late the event loop was, four times a second")

# --- connections

EXCHANGE_UP: Final = Metric(
    "gateway.exchange.up", "gauge", "1", "1 if the exchange's plugin runs, 0 if it is broken", EXCHANGE
)
CONNECTIONS: Final = Metric(
    "gateway.connections", "gauge", "{connection}", "Connections that are wanted, by state", ("exchange", "state")
)
HEALTHY: Final = Metric(
    "gateway.connections.healthy",
    "gauge",
    "{connection}",
    "Connections that are CONNECTED, answer pings and deliver",
    EXCHANGE,
)
CHANGES: Final = Metric(
    "gateway.connection.changes",
    "counter",
    "{change}",
    "Changes of a connection to this state, by reason",
    ("exchange", "state", "reason"),
)
RECOVERY: Final = Metric(
    "gateway.connection.recovery", "histogram", "s", "From ERROR to CONNECTED, with all streams restored", EXCHANGE
)
DIALS: Final = Metric("gateway.connection.dials", "counter", "{dial}", "Sockets that were dialled", EXCHANGE)
OPERATIONS: Final = Metric(
    "gateway.operations",
    "counter",
    "{operation}",
    "What takes time besides messages, by how it ended",
    ("exchange", "operation", "outcome"),
)
EVENTS: Final = Metric("gateway.events", "counter", "{event}", "Events of the log", ("exchange", "event"))
MESSAGE_AGE: Final = Metric(
    "gateway.message.age",
    "gauge",
    "s",
    "Since the last message of the CONNECTED connection that has waited longest",
    EXCHANGE,
)
PONG_AGE: Final = Metric(
    "gateway.pong.age",
    "gauge",
    "s",
    "Since the last pong of the CONNECTED connection that has waited longest",
    EXCHANGE,
)
ROUND_TRIP: Final = Metric(
    "gateway.heartbeat.round_trip", "histogram", "s", "From our pings to their pongs", EXCHANGE
)
PINGS: Final = Metric("gateway.pings.sent", "counter", "{ping}", "Our own pings", EXCHANGE)
PONGS: Final = Metric("gateway.pongs.received", "counter", "{pong}", "Answers to our own pings", EXCHANGE)
STREAMS: Final = Metric("gateway.streams", "gauge", "{stream}", "Streams that connections carry", EXCHANGE)
LIMIT_USED: Final = Metric(
    "gateway.limit.used",
    "gauge",
    "{unit}",
    "How much of a limit of this address is used now",
    ("exchange", "limit"),
)
LIMIT_ALLOWED: Final = Metric(
    "gateway.limit.allowed", "gauge", "{unit}", "How much the limit allows", ("exchange", "limit")
)
WAITING: Final = Metric(
    "gateway.requests.waiting", "gauge", "{request}", "Requests that wait for the exchange's limits", EXCHANGE
)
INSTRUMENTS: Final = Metric(
    "gateway.instruments", "gauge", "{instrument}", "Instruments that the exchange lists", EXCHANGE
)

# --- what exchanges send

FRAMES_RECEIVED: Final = Metric("gateway.frames.received", "counter", "{frame}", "Frames from exchanges", EXCHANGE)
BYTES_RECEIVED: Final = Metric("gateway.received", "counter", "By", "Payload from exchanges", EXCHANGE)
FRAMES_SENT: Final = Metric("gateway.frames.sent", "counter", "{frame}", "Requests to exchanges", EXCHANGE)
BYTES_SENT: Final = Metric("gateway.sent", "counter", "By", "Payload to exchanges", EXCHANGE)
DECODED: Final = Metric(
    "gateway.frames.decoded", "counter", "{frame}", "Frames that were decoded, since somebody listens", EXCHANGE
)
UNDECODABLE: Final = Metric(
    "gateway.frames.undecodable", "counter", "{frame}", "Frames that made no sense", EXCHANGE
)
UNHEARD: Final = Metric(
    "gateway.frames.unheard", "counter", "{frame}", "Frames and records of streams that nobody wants", EXCHANGE
)
TRANSIT: Final = Metric(
    "gateway.message.transit",
    "histogram",
    "s",
    "From the exchange's time of a message to its receipt, of one in 64",
    EXCHANGE,
)
FAILED_SNAPSHOTS: Final = Metric(
    "gateway.snapshots.failed", "counter", "{snapshot}", "Snapshots of books that could not be fetched", EXCHANGE
)
FILLED: Final = Metric(
    "gateway.records.filled", "counter", "{record}", "Records that were missing and were fetched", EXCHANGE
)
UNFILLED: Final = Metric(
    "gateway.records.unfilled",
    "counter",
    "{record}",
    "Records that were missing, could have been fetched, and were announced as a gap",
    EXCHANGE,
)

# --- topics

TOPICS: Final = Metric(
    "gateway.topics", "gauge", "{topic}", "Topics that are open, by status", ("exchange", "status")
)
LISTENERS: Final = Metric(
    "gateway.topic.listeners", "gauge", "{listener}", "Subscriptions of clients and of the program", EXCHANGE
)
PUBLISHED: Final = Metric("gateway.messages.published", "counter", "{message}", "Messages of all topics", EXCHANGE)
ENCODED: Final = Metric(
    "gateway.messages.encoded",
    "counter",
    "{message}",
    "Messages that were written for clients, each once however many listen",
    EXCHANGE,
)
TOLD: Final = Metric(
    "gateway.topic.events",
    "counter",
    "{event}",
    "What listeners were told: statuses, and gap, synced and restored",
    ("exchange", "event"),
)

# --- clients

CLIENTS: Final = Metric("gateway.clients", "gauge", "{client}", "Clients that are there")
LAGGING: Final = Metric(
    "gateway.clients.lagging", "gauge", "{client}", "Clients that have more to read than they should"
)
CAME: Final = Metric("gateway.clients.came", "counter", "{client}", "Clients that came")
ENDED: Final = Metric("gateway.clients.ended", "counter", "{client}", "Clients that are gone, by why", ("why",))
UNSENT: Final = Metric("gateway.clients.unsent", "gauge", "By", "What waits to be read by clients, in all")
MOST_UNSENT: Final = Metric(
    "gateway.clients.unsent.max", "gauge", "By", "What waits to be read by the client with most"
)
CLIENT_MESSAGES: Final = Metric(
    "gateway.client.messages", "counter", "{message}", "Messages and answers that were queued for clients"
)
CLIENT_BYTES: Final = Metric("gateway.client.sent", "counter", "By", "Frames that were written to clients")
CLIENT_WRITES: Final = Metric(
    "gateway.client.writes", "counter", "{write}", "Writes to clients' sockets, each with all that waited"
)
CONFLATED: Final = Metric(
    "gateway.client.messages.conflated", "counter", "{message}", "Messages for which a later one stood"
)
DROPPED: Final = Metric(
    "gateway.client.messages.dropped",
    "counter",
    "{message}",
    "Messages that a slow client was told it was not sent",
)
DELIVERY: Final = Metric(
    "gateway.message.delivery",
    "histogram",
    "s",
    "From the receipt of a message to the write to a client's socket, of one in 64",
)

CATALOGUE: Final = tuple(one for one in globals().values() if isinstance(one, Metric))
"""All, in the order in which they stand here."""
