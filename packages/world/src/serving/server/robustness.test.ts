// What clients may do to a server without doing it to others: any order of messages, anything that is no message, floods, not reading, leaving.
// VID2WORLD_FUZZ=10000 sends so many hostile messages instead of some hundred.
import { EventEmitter } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import type { WebSocket } from "ws";
import type { SessionNode, Settings } from "../protocol/messages.js";
import { expectedPixels } from "../testing/arithmetic-engine.js";
import { fixedGallery } from "./gallery/gallery.js";
import { PlayConnection } from "./play-connection.js";
import { TestClient } from "../testing/play-client.js";
import { closeTestServers, testServer, testStart } from "../testing/test-server.js";
import { type FullSettings, withSettings } from "../engine.js";

afterEach(closeTestServers);

const usual: FullSettings = { guidanceScale: 1, numSteps: 2, decoder: "full" };

type Command =
  | { readonly do: "step"; readonly action: { forward: number; use: number }; readonly from?: number }
  | { readonly do: "goto"; readonly node: number }
  | { readonly do: "settings"; readonly settings: Settings };

/** Nodes are chosen as shares of those that there are, so that every command is one the session can follow. */
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    do: fc.constant("step" as const),
    action: fc.record({ forward: fc.constantFrom(-1, 0, 0.5, 1), use: fc.constantFrom(0, 1) }),
  }),
  fc.record({
    do: fc.constant("step" as const),
    action: fc.record({ forward: fc.constantFrom(-1, 1), use: fc.constant(0) }),
    from: fc.nat(1000),
  }),
  fc.record({ do: fc.constant("goto" as const), node: fc.nat(1000) }),
  fc.record({
    do: fc.constant("settings" as const),
    settings: fc.record({ numSteps: fc.integer({ min: 1, max: 9 }) }),
  }),
);

/** What a session must become, computed without any server. */
class Model {
  readonly nodes: SessionNode[] = [
    { node: 0, frame: 0 },
    { node: 1, frame: 1, parent: 0 },
  ];
  current = 1;
  settings = usual;

  follow(one: Command): void {
    if (one.do === "settings") this.settings = withSettings(this.settings, one.settings);
    else if (one.do === "goto") this.current = one.node % this.nodes.length;
    else {
      const parent = this.from(one);
      const { frame } = this.nodes[parent] as SessionNode;
      this.current = this.nodes.length;
      const action = [one.action.forward, one.action.use];
      this.nodes.push({ node: this.current, parent, frame: frame + 1, action, settings: this.settings });
    }
  }

  from({ from }: { from?: number }): number {
    return from === undefined ? this.current : from % this.nodes.length;
  }

  pixels(seed: number): Uint8Array {
    const path: SessionNode[] = [];
    for (let at = this.nodes[this.current]; at?.settings; at = this.nodes[at.parent ?? 0]) path.unshift(at);
    // A path that begins at an older context frame is another start.
    const first = path[0]?.parent ?? this.current;
    const frames = testStart.frames.subarray(0, (first + 1) * 8 * 6 * 3);
    return expectedPixels({ frames, seed }, path.map(({ action = [] , settings }) => ({ action, settings: withSettings(usual, settings) }))); // prettier-ignore
  }
}

/** A command as a message; the model has followed all before it. */
function send(client: TestClient, one: Command, model: Model): void {
  const request = client.number();
  if (one.do === "settings") client.send({ type: "settings", request, settings: one.settings });
  else if (one.do === "goto") client.send({ type: "goto", request, node: one.node % model.nodes.length });
  else
    client.send({
      type: "step",
      request,
      action: one.action,
      ...(one.from !== undefined && { from: model.from(one) }),
    });
}

test("whatever the order of messages of several sessions, each becomes what its own messages make of it", async () => {
  const server = await testServer({ limits: { sessions: 1000 } });
  const sessions = 3;
  const script = fc.array(fc.tuple(fc.nat(sessions - 1), command), { minLength: 5, maxLength: 40 });
  const holds = fc.asyncProperty(script, async (commands) => {
    const clients = await Promise.all(Array.from({ length: sessions }, () => server.connect()));
    const opened = await Promise.all(clients.map((client, i) => client.open({ seed: i })));
    const models = clients.map(() => new Model());
    for (const [i, one] of commands) {
      const [client, model] = [clients[i] as TestClient, models[i] as Model];
      send(client, one, model);
      model.follow(one);
    }
    for (const [i, client] of clients.entries()) {
      const { session, key } = opened[i] as (typeof opened)[number];
      const model = models[i] as Model;
      const request = client.number();
      client.send({ type: "pause", request }); // its answer comes after everything else
      const { state } = await client.next("state", request);
      expect([state.node, state.settings]).toEqual([model.current, model.settings]);
      const headers = { "x-session-key": key };
      const told = await server.http("GET", `/api/v1/sessions/${session}`, undefined, headers);
      expect(((await told.json()) as { nodes: unknown }).nodes).toEqual(model.nodes);
      const picture = `/api/v1/sessions/${session}/frames/${model.current}?format=rgb`;
      const pixels = new Uint8Array(await (await server.http("GET", picture, undefined, headers)).arrayBuffer());
      if (model.nodes[model.current]?.settings) expect(pixels).toEqual(model.pixels(i));
      client.send({ type: "close", request: client.number() });
      await client.next("closed");
      await client.end();
    }
  });
  await fc.assert(holds, { numRuns: 12 });
});

/** Bytes in use after everything unused was collected. */
function heap(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}

/** Messages that are wrong in every way that we could think of, and a few that are right but come at the wrong time. */
const hostile: fc.Arbitrary<string | Uint8Array> = fc.oneof(
  fc.string({ maxLength: 200 }),
  fc.uint8Array({ maxLength: 200 }),
  fc.json({ maxDepth: 4 }),
  fc.constantFrom("null", "[]", "{}", '"open"', "1e999", '{"type":"__proto__"}', '{"__proto__":{"type":"play"}}'),
  fc.constantFrom("[".repeat(20_000), `{"type":"${"x".repeat(30_000)}"}`),
  fc
    .record(
      {
        type: fc.constantFrom(
          "open",
          "resume",
          "action",
          "play",
          "pause",
          "step",
          "goto",
          "settings",
          "shown",
          "close",
          "ping",
        ),
        request: fc.oneof(fc.nat(), fc.double(), fc.string({ maxLength: 5 }), fc.constant(null)),
        node: fc.oneof(fc.integer(), fc.double()),
        action: fc.oneof(fc.dictionary(fc.string({ maxLength: 9 }), fc.double()), fc.constant({ forward: 1e308 })),
        count: fc.integer(),
        fps: fc.double(),
        protocol: fc.integer({ min: 0, max: 2 }),
        session: fc.string({ maxLength: 20 }),
        key: fc.string({ maxLength: 20 }),
        start: fc.oneof(
          fc.constant({ kind: "gallery", id: "../../../etc/passwd" }),
          fc.constant({ kind: "upload", id: "x" }),
        ),
        settings: fc.record({
          numSteps: fc.integer(),
          guidanceScale: fc.double(),
          decoder: fc.string({ maxLength: 5 }),
        }),
      },
      { requiredKeys: ["type"] },
    )
    .map((message) => JSON.stringify(message)),
);

test("hostile messages harm nobody: no crash, no growth, and a game beside them goes on to the byte", async () => {
  const wanted = Number(process.env["VID2WORLD_FUZZ"] ?? 400);
  const server = await testServer({
    limits: { sessions: 50, idleSeconds: 1, messagesPerSecond: 1e6, requestsPerMinute: 1e6 },
  });
  const player = await server.connect();
  await player.open({ seed: 7 });
  const path: { action: number[]; settings: FullSettings }[] = [];
  const messages = fc.sample(hostile, wanted);
  const before = heap();
  const each = 18; // fewer than a client is sent away after
  for (let i = 0; i < messages.length; i += each) {
    const attacker = await server.connect();
    const gone = new Promise((resolve) => attacker.socket.once("close", resolve));
    if (i % (2 * each) === 0) await attacker.open();
    for (const message of messages.slice(i, i + each)) attacker.send(message);
    attacker.send({ type: "ping", request: 0, sent: 0 });
    path.push({ action: [1, 0], settings: usual });
    const frame = await player.step({ forward: 1 });
    expect(frame.pixels).toEqual(expectedPixels({ frames: testStart.frames, seed: 7 }, path));
    await Promise.race([attacker.next("pong").catch(() => undefined), gone]); // all before it were looked at
    attacker.socket.terminate();
    await server.http("DELETE", "/api/v1/sessions/x%00%2f..", undefined, { "x-session-key": "\t" });
  }
  expect(heap() - before).toBeLessThan(30e6);
  expect(server.context.sessions.counts.sessions).toBeLessThanOrEqual(50);
  const { values } = await server.context.metrics.errors.get();
  expect(values.reduce((sum, { value }) => sum + value, 0)).toBeGreaterThan(wanted * 0.6);
}, 600_000);

test("who floods is sent away, who sends too much at once too", async () => {
  const server = await testServer({ limits: { messagesPerSecond: 20, messageBytes: 1000 } });
  const ended = (client: TestClient): Promise<number> => new Promise((resolve) => client.socket.once("close", resolve));
  const flood = await server.connect();
  const flooded = ended(flood);
  for (let i = 0; i < 100; i++) flood.send({ type: "ping", request: i, sent: 0 });
  expect(await flooded).toBe(1008);
  const large = await server.connect();
  const cut = ended(large);
  large.send("x".repeat(1001));
  expect(await cut).toBe(1009);
});

test("who asks for more than is drawn is refused, and the frames that were drawn come", async () => {
  const server = await testServer({ limits: { waiting: 20, frames: 10 } }, { frameMilliseconds: 2 });
  const client = await server.connect();
  await client.open();
  const answers = Array.from({ length: 60 }, () => client.step().catch(() => undefined));
  void answers;
  const codes = new Set<string>();
  for (let i = 0; i < 52; i++) codes.add((await client.next("error")).code);
  expect([...codes].sort()).toEqual(["too-fast", "too-many-frames"]);
  expect(client.frames).toBe(8);
});

/** A client's end of a connection that reads only when it is told to; how much the network itself would take on the way differs by machine. */
class UnreadSocket extends EventEmitter {
  bufferedAmount = 0;
  frames = 0;
  #sent: (() => void)[] = [];

  send(data: string | Uint8Array, _options?: object, done: () => void = () => undefined): void {
    if (typeof data !== "string") this.frames++;
    this.bufferedAmount += data.length;
    this.#sent.push(done);
  }

  tell(message: object): void {
    this.emit("message", Buffer.from(JSON.stringify(message)), false);
  }

  read(): void {
    this.bufferedAmount = 0;
    for (const done of this.#sent.splice(0)) done();
  }

  close(): void {
    this.emit("close");
  }

  terminate(): void {
    this.emit("close");
  }
}

test("who writes and never reads is sent away before the answers fill the memory", async () => {
  const server = await testServer();
  const deaf = new UnreadSocket();
  void new PlayConnection(deaf as unknown as WebSocket, server.context, "127.0.0.1");
  let gone = false;
  deaf.once("close", () => (gone = true));
  deaf.tell({ type: "ping", request: 1, sent: 0 });
  expect([deaf.bufferedAmount > 0, gone]).toEqual([true, false]);
  deaf.bufferedAmount = 2 ** 23 + 1; // after some hours
  deaf.tell({ type: "ping", request: 2, sent: 0 });
  expect(gone).toBe(true);
});

test("who does not read is waited for, within a bound, and nobody else waits", async () => {
  const world = { width: 320, height: 240 };
  const bytes = world.width * world.height * 3;
  const gallery = fixedGallery([{ frames: new Uint8Array(2 * bytes), title: "black" }]);
  const server = await testServer({ gallery }, { world });
  const quick = await server.connect();
  await quick.open();
  const slow = new UnreadSocket();
  void new PlayConnection(slow as unknown as WebSocket, server.context, "127.0.0.1");
  const start = { kind: "gallery", id: "start-0" };
  slow.tell({ type: "open", request: 0, protocol: 1, start, seed: 1, format: "rgb" });
  await vi.waitFor(() => expect(slow.bufferedAmount).toBeGreaterThan(0));
  slow.tell({ type: "play", request: 1, fps: 240 });
  const lie = (): void => slow.tell({ type: "shown", count: 1e6 }); // says that it shows what it never read
  await vi.waitFor(() => (lie(), expect(slow.bufferedAmount).toBeGreaterThan(2 ** 20)), {
    timeout: 30_000,
    interval: 5,
  });
  for (let i = 0; i < 20; i++) {
    lie();
    await quick.step();
  }
  // One megabyte, and what was in work when that was full.
  expect(slow.frames).toBeLessThanOrEqual(Math.ceil(2 ** 20 / bytes) + 2);
  const before = slow.frames;
  slow.read();
  lie();
  await vi.waitFor(() => expect(slow.frames).toBeGreaterThan(before));
  slow.close();
});
