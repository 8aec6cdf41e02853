// What is in the log, and what never is.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { testServer } from "../testing/test-server.js";
import { type ServerLogOptions, openServerLog } from "./server-log.js";

/** What a server with one place logs while a session is opened and played, a client is refused, and it stops. */
async function logged(level: NonNullable<ServerLogOptions["level"]>) {
  const folder = await mkdtemp(join(tmpdir(), "vid2world-log-"));
  try {
    const file = join(folder, "logs/play.log");
    const log = openServerLog({ to: file, level });
    const server = await testServer({ log, limits: { sessions: 1 } });
    const client = await server.connect();
    const { session, key } = await client.open();
    await client.step({ forward: 1 });
    client.send({ type: "goto", request: 90, node: 99 });
    await client.next("error", 90);
    await server.http("POST", "/api/v1/sessions", { start: { kind: "gallery", id: "start-0" } });
    await client.end();
    await server.close();
    const text = await readFile(file, "utf8");
    expect(text).not.toContain(key);
    const lines = text.trim().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>); // prettier-ignore
    return { session, lines, told: lines.map(({ msg }) => msg) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("the log is one JSON object a line: what becomes of sessions, without what is no use later", async () => {
  const { told, lines, session } = await logged("info");
  const ofSessions = lines.filter((line) => line["session"] === session);
  expect(ofSessions.map(({ msg }) => msg)).toEqual(["a session was opened", "a session was put away"]);
  expect(told.filter((msg) => /drawn|client|refused/.test(String(msg)))).toEqual([]);
});

test("the verbose log tells of clients, places, frames with their passes, and refusals too", async () => {
  const { told, lines, session } = await logged("debug");
  for (const msg of [
    "a client connected",
    "a client was admitted",
    "a session was opened",
    "a frame was drawn",
    "refused: this session has no node 99",
    "a client was refused",
    "a client's connection ended",
    "a session was put away",
  ])
    expect(told).toContain(msg);
  const drawn = lines.find(({ msg }) => msg === "a frame was drawn");
  expect(drawn).toMatchObject({ session, node: 2, batch: 1, wait: 0, model: 0, decode: 0 });
});
