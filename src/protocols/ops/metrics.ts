// Counters in the words of Prometheus. https://prometheus.io/docs/practices/naming/
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Observation } from "#http/serve";

/** What the rooms can say of themselves when they are asked. */
export interface Probes {
  readonly openUploads: () => Promise<number>;
  readonly writes: () => { readonly waiting: number; readonly transactions: number; readonly batches: number };
}

export interface Metrics {
  readonly registry: Registry;
  observe(observation: Observation): void;
}

const secondsBuckets = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60];

export function openMetrics({ openUploads, writes }: Probes): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const labelNames = ["protocol", "action", "status"];
  const requests = new Counter({ name: "berth_requests_total", help: "Requests answered", labelNames, registers });
  const sent = new Counter({
    name: "berth_sent_bytes_total",
    help: "Bytes of answers",
    labelNames: ["protocol", "action"],
    registers,
  });
  const received = new Counter({
    name: "berth_received_bytes_total",
    help: "Bytes of requests",
    labelNames: ["protocol", "action"],
    registers,
  });
  const seconds = new Histogram({
    name: "berth_request_seconds",
    help: "Time from a request to the end of its answer",
    labelNames: ["protocol", "action"],
    buckets: secondsBuckets,
    registers,
  });
  gauge("berth_open_uploads", "Uploads that have bytes and are not finished", openUploads);
  gauge("berth_writer_waiting", "Transactions that wait for the writer", () => writes().waiting);
  gauge("berth_writer_transactions_total", "Transactions written", () => writes().transactions);
  gauge("berth_writer_batches_total", "Batches they were written in", () => writes().batches);

  return {
    registry,
    observe({ notes: { protocol = "none", action = "none" }, status, bytes, received: read, milliseconds }) {
      requests.inc({ protocol, action, status });
      if (bytes > 0) sent.inc({ protocol, action }, bytes);
      if (read > 0) received.inc({ protocol, action }, read);
      seconds.observe({ protocol, action }, milliseconds / 1_000);
    },
  };

  function gauge(name: string, help: string, measure: () => number | Promise<number>): void {
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        this.set(await measure());
      },
    });
  }
}
