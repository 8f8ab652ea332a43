// What probes and Prometheus are told.
import { expect, test } from "bun:test";
import { call } from "#http/call";
import { type Door, guard } from "#http/guard";
import { Fault } from "#lib/fault";
import { silentLog } from "#lib/log";
import { addUp, openMetrics, openOpsDoor, opsErrors } from "./index.ts";

const well = async () => undefined;
const metrics = openMetrics({
  openUploads: async () => 3,
  writes: () => ({ waiting: 1, transactions: 20, batches: 5 }),
});

function open(check: () => Promise<void>, withMetrics = true): Door {
  return guard(openOpsDoor({ check, metrics: withMetrics ? () => metrics.text() : undefined }), opsErrors, silentLog);
}

async function ask(door: Door, method: string, path: string): Promise<{ status: number; text: string }> {
  const { status, body } = await door(call(method, path));
  return { status, text: body instanceof Uint8Array ? new TextDecoder().decode(body) : "" };
}

test("a process that answers is alive, whatever its store does", async () => {
  const door = open(() => Promise.reject(new Fault("busy", "store", "away")));
  expect(await ask(door, "GET", "/healthz")).toEqual({ status: 200, text: "ok\n" });
});

test("a server is ready when its database and its store answer, and says 503 when they do not", async () => {
  expect((await ask(open(well), "GET", "/readyz")).status).toBe(200);
  expect(
    (
      await ask(
        open(() => Promise.reject(new Fault("busy", "store", "away"))),
        "GET",
        "/readyz",
      )
    ).status,
  ).toBe(503);
  expect(
    (
      await ask(
        open(() => Promise.reject(new Error("a secret path"))),
        "GET",
        "/readyz",
      )
    ).text,
  ).toBe("internal error\n");
});

test("counters tell requests by protocol, action and status", async () => {
  const notes = { protocol: "oci", action: "manifest GET", repository: "team/app" };
  metrics.observe({
    method: "GET",
    path: "/v2/",
    requestId: "1",
    address: "",
    notes,
    status: 200,
    bytes: 7,
    received: 9,
    milliseconds: 2,
  });
  const { text } = await ask(open(well), "GET", "/metrics");
  expect(text).toContain('berth_requests_total{protocol="oci",action="manifest GET",status="200"} 1');
  expect(text).toContain('berth_sent_bytes_total{protocol="oci",action="manifest GET"} 7');
  expect(text).toContain('berth_received_bytes_total{protocol="oci",action="manifest GET"} 9');
  expect(text).toContain("berth_open_uploads 3");
  expect(text).toContain("berth_writer_transactions_total 20");
  expect(text).not.toContain("team/app");
});

test("times are a histogram, and the counters of several processes are added up", async () => {
  const some = { method: "GET", path: "/v2/", requestId: "1", address: "", notes: {}, bytes: 0, received: 0 };
  const processes = [[0.5, 5, 70_000], [5]].map((times) => {
    const { observe, json } = openMetrics({
      openUploads: async () => 1,
      writes: () => ({ waiting: 0, transactions: 1, batches: 1 }),
    });
    for (const milliseconds of times) observe({ ...some, status: 404, milliseconds });
    return json();
  });
  const lines = (await addUp(await Promise.all(processes))).split("\n");
  const of = (name: string) => lines.filter((line) => line.startsWith(name));
  expect(of("berth_request_seconds_bucket").map((line) => line.replace(/.*le="([^"]+)".* /, "$1: "))).toEqual([
    "0.001: 1",
    "0.005: 3",
    "0.025: 3",
    "0.1: 3",
    "0.5: 3",
    "2.5: 3",
    "10: 3",
    "60: 3",
    "+Inf: 4",
  ]);
  expect(of("berth_request_seconds_count")).toEqual(['berth_request_seconds_count{protocol="none",action="none"} 4']);
  expect(of("berth_request_seconds_sum")[0]).toMatch(/ 70\.0105/);
  expect(of("berth_requests_total")).toEqual(['berth_requests_total{protocol="none",action="none",status="404"} 4']);
  expect(of("berth_sent_bytes_total")).toEqual([]);
  expect(of("berth_open_uploads")).toEqual(["berth_open_uploads 2"]);
  expect(lines).toContain("# TYPE berth_request_seconds histogram");
});

test("where metrics are not served there is nothing, and other methods are refused", async () => {
  expect((await ask(open(well, false), "GET", "/metrics")).status).toBe(404);
  expect((await ask(open(well), "POST", "/healthz")).status).toBe(405);
  expect((await ask(open(well), "GET", "/elsewhere")).status).toBe(404);
  expect(await ask(open(well), "HEAD", "/healthz")).toEqual({ status: 200, text: "" });
});
