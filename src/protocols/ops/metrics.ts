// Counters in the words of Prometheus. https://prometheus.io/docs/practices/naming/
// Requests are counted in plain numbers, since each of them pays for it; prom-client writes them down when somebody asks.
import type { Registry } from "prom-client";
import type { Observation } from "#http/serve";

/** What the rooms can say of themselves when they are asked. */
export interface Probes {
  readonly openUploads: () => Promise<number>;
  readonly writes: () => { readonly waiting: number; readonly transactions: number; readonly batches: number };
}

export interface Metrics {
  observe(observation: Observation): void;
  text(): Promise<string>;
  /** As plain data: `addUp` takes it. */
  json(): Promise<readonly object[]>;
}

/** The requests of one action. */
interface Tally {
  readonly labels: { readonly protocol: string; readonly action: string };
  readonly byStatus: Map<number, number>;
  sent: number;
  received: number;
  seconds: number;
  /** How many took as long as each of `secondsBuckets` and longer than the one before it; at the end those above all. */
  readonly buckets: number[];
}

/** A metric as prom-client's `getMetricsAsJSON` gives it. */
interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly aggregator: "sum";
  readonly values: readonly Sample[];
}

interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** Of one of the series that make a histogram. */
  readonly metricName?: string;
}

const secondsBuckets = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60];

export function openMetrics({ openUploads, writes }: Probes): Metrics {
  const tallies: Tally[] = [];
  const byProtocol = new Map<string, Map<string, Tally>>();
  let process: Promise<Registry> | undefined;

  const tallyOf = (protocol: string, action: string): Tally => {
    const known = byProtocol.get(protocol)?.get(action);
    if (known !== undefined) return known;
    const buckets = Array.from({ length: secondsBuckets.length + 1 }, () => 0);
    const made = { labels: { protocol, action }, byStatus: new Map(), sent: 0, received: 0, seconds: 0, buckets };
    const byAction = byProtocol.get(protocol) ?? new Map<string, Tally>();
    byProtocol.set(protocol, byAction.set(action, made));
    tallies.push(made);
    return made;
  };

  const own = async (): Promise<Metric[]> => {
    const { waiting, transactions, batches } = writes();
    return [
      ...requestMetrics(tallies),
      gauge("berth_open_uploads", "Uploads that have bytes and are not finished", await openUploads()),
      gauge("berth_writer_waiting", "Transactions that wait for the writer", waiting),
      gauge("berth_writer_transactions_total", "Transactions written", transactions),
      gauge("berth_writer_batches_total", "Batches they were written in", batches),
    ];
  };

  const ofProcess = () => {
    process ??= openProcessMetrics();
    return process;
  };

  return {
    observe({ notes: { protocol = "none", action = "none" }, status, bytes, received, milliseconds }) {
      const tally = tallyOf(protocol, action);
      const seconds = milliseconds / 1_000;
      tally.byStatus.set(status, (tally.byStatus.get(status) ?? 0) + 1);
      tally.sent += bytes;
      tally.received += received;
      tally.seconds += seconds;
      const bucket = bucketOf(seconds);
      tally.buckets[bucket] = (tally.buckets[bucket] ?? 0) + 1;
    },
    text: async () => `${await (await ofProcess()).metrics()}\n${await addUp([await own()])}`,
    json: async () => [...(await (await ofProcess()).getMetricsAsJSON()), ...(await own())],
  };
}

/** The metrics of several processes added up, as text. */
export async function addUp(all: readonly (readonly object[])[]): Promise<string> {
  const { AggregatorRegistry } = await import("prom-client");
  return AggregatorRegistry.aggregate([...all]).metrics();
}

/** What the runtime says of this process, from now on: nothing is measured on a server whose metrics nobody reads. */
async function openProcessMetrics(): Promise<Registry> {
  const { collectDefaultMetrics, Registry: Prometheus } = await import("prom-client");
  const registry = new Prometheus();
  collectDefaultMetrics({ register: registry });
  return registry;
}

function bucketOf(seconds: number): number {
  const bucket = secondsBuckets.findIndex((most) => seconds <= most);
  return bucket < 0 ? secondsBuckets.length : bucket;
}

function requestMetrics(tallies: readonly Tally[]): Metric[] {
  const requests = tallies.flatMap(({ labels, byStatus }) =>
    [...byStatus].map(([status, value]) => ({ labels: { ...labels, status }, value })),
  );
  const bytes = (key: "sent" | "received") =>
    tallies.filter((tally) => tally[key] > 0).map((tally) => ({ labels: tally.labels, value: tally[key] }));
  return [
    counter("berth_requests_total", "Requests answered", requests),
    counter("berth_sent_bytes_total", "Bytes of answers", bytes("sent")),
    counter("berth_received_bytes_total", "Bytes of requests", bytes("received")),
    {
      name: "berth_request_seconds",
      help: "Time from a request to the end of its answer",
      type: "histogram",
      aggregator: "sum",
      values: tallies.flatMap(histogramOf),
    },
  ];
}

function histogramOf({ labels, buckets, seconds }: Tally): Sample[] {
  const name = "berth_request_seconds";
  let count = 0;
  const samples = buckets.map((amount, i) => {
    count += amount;
    return { labels: { le: secondsBuckets[i] ?? "+Inf", ...labels }, value: count, metricName: `${name}_bucket` };
  });
  return [
    ...samples,
    { labels, value: seconds, metricName: `${name}_sum` },
    { labels, value: count, metricName: `${name}_count` },
  ];
}

function counter(name: string, help: string, values: readonly Sample[]): Metric {
  return { name, help, type: "counter", aggregator: "sum", values };
}

function gauge(name: string, help: string, value: number): Metric {
  return { name, help, type: "gauge", aggregator: "sum", values: [{ labels: {}, value }] };
}
