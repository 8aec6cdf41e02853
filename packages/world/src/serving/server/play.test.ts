// Playing over the WebSocket, with arithmetic in place of a world.
import { afterEach, expect, test, vi } from "vitest";
import { EngineError } from "../engine.js";
import { expectedPixels } from "../testing/arithmetic-engine.js";
import { fixedGallery } from "./gallery/gallery.js";
import { memoryStore } from "./session-store.js";
import { closeTestServers, testServer, testStart } from "../testing/test-server.js";

const settings = { guidanceScale: 1, numSteps: 2, decoder: "full" } as const;
const start = { frames: testStart.frames, seed: 1 };
const of = (...rows: number[][]): Uint8Array =>
  expectedPixels(
    start,
    rows.map((action) => ({ action, settings })),
  );

afterEach(closeTestServers);

test("a session opens with its context, and steps from its newest frame", async () => {
  const server = await testServer();
  const client = await server.connect();
  const opened = await client.open();
  expect(opened.nodes).toEqual([
    { node: 0, frame: 0 },
    { node: 1, frame: 1, parent: 0 },
  ]);
  expect(opened.state).toEqual({ phase: "paused", node: 1, fps: 10, settings });

  const first = await client.step({ forward: 1 });
  expect(first).toMatchObject({ node: 2, parent: 1, frame: 2, format: "rgb", width: 8, height: 6 });
  expect([...first.action]).toEqual([1, 0]);
  expect(first.pixels).toEqual(of([1, 0]));
  const second = await client.step({ use: 1 });
  expect(second.pixels).toEqual(of([1, 0], [0, 1]));
  expect((await client.step({}, 2)).parent).toBe(2); // a branch
});

test("frames follow each other while playing, each with the newest action, until paused", async () => {
  const server = await testServer();
  const client = await server.connect();
  await client.open();
  client.send({ type: "action", action: { forward: 0.5 }, sequence: 9 });
  client.send({ type: "play", request: 100, fps: 200 });
  expect((await client.next("state", 100)).state.phase).toBe("playing");
  for (let count = 1; count <= 5; count++) {
    const frame = await client.next("frame");
    expect(frame).toMatchObject({ node: count + 1, sequence: 9 });
    expect([...frame.action]).toEqual([0.5, 0]);
    client.send({ type: "shown", count });
  }
  client.send({ type: "pause", request: 101 });
  expect((await client.next("state", 101)).state.phase).toBe("paused");
  const drawn = client.frames;
  client.send({ type: "ping", request: 102, sent: 5 });
  expect(await client.next("pong", 102)).toEqual({ type: "pong", request: 102, sent: 5 });
  expect(client.frames).toBe(drawn);
});

test("no more than two frames are on their way to a client that shows none", async () => {
  const server = await testServer();
  const client = await server.connect();
  await client.open();
  client.send({ type: "play", request: 100, fps: 240 });
  await client.next("frame");
  await client.next("frame");
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(client.frames).toBe(2);
  client.send({ type: "shown", count: 1 });
  await client.next("frame");
  expect(client.frames).toBe(3);
});

test("one goes back, changes settings, and finds the state told", async () => {
  const server = await testServer();
  const client = await server.connect();
  await client.open();
  await client.step({ forward: 1 });
  client.send({ type: "goto", request: 50, node: 1 });
  expect((await client.next("state", 50)).state.node).toBe(1);
  client.send({ type: "settings", request: 51, settings: { numSteps: 7 } });
  const state = (await client.next("state", 51)).state;
  expect(state.settings).toEqual({ ...settings, numSteps: 7 });
  const frame = await client.step();
  expect(frame).toMatchObject({ node: 3, parent: 1 });
  expect(frame.pixels).toEqual(expectedPixels(start, [{ action: [0, 0], settings: state.settings }]));
});

test("a lost connection is resumed with the key, and only with it", async () => {
  const server = await testServer();
  const before = await server.connect();
  const { session, key } = await before.open();
  await before.step({ forward: 1 });
  await before.end();

  const client = await server.connect();
  client.send({ type: "resume", request: 1, protocol: 1, session, key: "guess", format: "rgb" });
  expect(await client.next("error", 1)).toMatchObject({ code: "unknown-session" });
  client.send({ type: "resume", request: 2, protocol: 1, session, key, format: "rgb" });
  expect((await client.next("opened", 2)).nodes).toHaveLength(3);
  expect((await client.step()).pixels).toEqual(of([1, 0], [0, 0]));
});

test("who takes a session over begins with nothing held", async () => {
  const server = await testServer();
  const before = await server.connect();
  const { session, key } = await before.open();
  before.send({ type: "action", action: { forward: 1 }, sequence: 90 });
  before.send({ type: "ping", request: 1, sent: 0 });
  await before.next("pong");

  const client = await server.connect();
  client.send({ type: "resume", request: 1, protocol: 1, session, key, format: "rgb" });
  await client.next("opened", 1);
  client.send({ type: "play", request: 2 });
  const frame = await client.next("frame");
  expect([...frame.action]).toEqual([0, 0]);
  expect(frame.sequence).toBeUndefined();
});

test("a frame that finds no memory pauses the play and says why, and the next one may find some", async () => {
  const server = await testServer();
  const [client, other] = [await server.connect(), await server.connect()];
  await client.open();
  await other.open();
  const step = server.engine.step.bind(server.engine);
  Object.assign(server.engine, { step: () => Promise.reject(new EngineError("out-of-memory", "CUDA out of memory")) });
  client.send({ type: "play", request: 7 });
  await client.next("state", 7);
  const { code, message } = await client.next("error");
  expect([code, message]).toEqual(["out-of-memory", expect.stringMatching(/no memory left/)]);
  expect((await client.next("state")).state.phase).toBe("paused");
  Object.assign(server.engine, { step });
  expect((await client.step({ forward: 1 })).pixels).toEqual(of([1, 0]));
  expect((await other.step({ forward: 1 })).pixels).toEqual(of([1, 0]));
});

test("what a client still tells of a session that it closed is no fault", async () => {
  const server = await testServer();
  const client = await server.connect();
  await client.open();
  client.send({ type: "close", request: 1 });
  client.send({ type: "action", action: { forward: 1 }, sequence: 1 });
  client.send({ type: "shown", count: 1 });
  await client.next("closed", 1);
  client.send({ type: "pause", request: 2 });
  expect(await client.next("error", 2)).toMatchObject({ code: "bad-message" });
  expect(client.received).toEqual([]);
});

test("the engine may be lost at any time: the session goes on where it was", async () => {
  const server = await testServer({}, { frameMilliseconds: 30 });
  const client = await server.connect();
  await client.open();
  await client.step({ forward: 1 });
  const next = client.step({ use: 1 });
  client.send({ type: "ping", request: 90, sent: 0 });
  await client.next("pong", 90); // the step is in work
  server.engine.lose();
  expect((await next).pixels).toEqual(of([1, 0], [0, 1]));
  expect((await client.next("restored")).state.node).toBe(2);
});

test("a server that stops during play saves every frame that was sent, and sends nothing else but that it stops", async () => {
  const store = memoryStore();
  const server = await testServer({ store }, { frameMilliseconds: 3 });
  const client = await server.connect();
  const { session, key } = await client.open();
  client.send({ type: "play", request: 60, fps: 200 });
  for (let count = 1; count <= 5; count++) {
    await client.next("frame");
    client.send({ type: "shown", count });
  }
  for (let i = 0; i < 200; i++) client.send({ type: "step", request: 100 + i, action: {} });
  client.send({ type: "ping", request: 99, sent: 0 });
  await client.next("pong", 99); // all of them wait
  await server.close();
  const { frames, received } = client;
  const errors = received.flatMap((one) => (one.type === "error" ? [one.code] : []));
  expect(new Set(errors)).toEqual(new Set(["shutting-down"]));

  const next = await (await testServer({ store })).connect();
  next.send({ type: "resume", request: 1, protocol: 1, session, key, format: "rgb" });
  expect((await next.next("opened", 1)).nodes).toHaveLength(2 + frames);
});

test("who comes when the server is full waits, and is told the place", async () => {
  const server = await testServer({ limits: { sessions: 1 } });
  const [first, second] = [await server.connect(), await server.connect()];
  await first.open();
  const opened = second.open();
  expect(await second.next("queued")).toMatchObject({ position: 1 });
  first.send({ type: "close", request: 7 });
  await first.next("closed", 7);
  expect((await opened).state.node).toBe(1);
});

test("who asks for several sessions at once gets one, and leaves no other behind", async () => {
  const slow = fixedGallery([testStart]);
  const start = async (id: string) => new Promise((resolve) => setTimeout(resolve, 20)).then(() => slow.start(id));
  const server = await testServer({ gallery: { ...slow, start } });
  const client = await server.connect();
  const opens = [1, 2, 3].map((seed) => client.open({ seed }));
  for (const request of [1, 2]) expect(await client.next("error", request)).toMatchObject({ code: "bad-message" });
  expect((await opens[0])?.seed).toBe(1);
  for (const open of opens.slice(1)) open.catch(() => undefined);
  await client.end();
  expect(server.context.sessions.counts.sessions).toBe(1);
  await vi.waitFor(() => expect(server.engine.sessions).toBe(1));
});

test("a frame that cannot be encoded is an error of its request, and takes no place of those on their way", async () => {
  const server = await testServer();
  const client = await server.connect();
  await client.open();
  const encode = vi.spyOn(server.context, "encode");
  for (let i = 0; i < 3; i++) {
    encode.mockRejectedValueOnce(new Error("no memory for a picture"));
    client.send({ type: "step", request: 70 + i, action: {} });
    expect(await client.next("error", 70 + i)).toMatchObject({ code: "internal" });
  }
  client.send({ type: "play", request: 80, fps: 100 });
  expect((await client.next("frame")).node).toBe(5);
});

test("errors tell their request and what to do", async () => {
  const server = await testServer();
  const client = await server.connect();
  client.send({ type: "pause", request: 1 });
  expect(await client.next("error", 1)).toMatchObject({ code: "bad-message" });
  client.send({ type: "open", request: 2, protocol: 99, start: { kind: "gallery", id: "start-0" } });
  expect(await client.next("error", 2)).toMatchObject({ code: "wrong-protocol" });
  client.send({ type: "open", request: 3, protocol: 1, start: { kind: "gallery", id: "../../etc/passwd" } });
  expect(await client.next("error", 3)).toMatchObject({ code: "unknown-start" });
  await client.open();
  client.send({ type: "step", request: 60, action: { fly: 1 } });
  expect(await client.next("error", 60)).toMatchObject({
    code: "bad-action",
    message: 'this world has no channel "fly"; it has forward, use',
  });
  client.send({ type: "step", request: 61, action: { forward: 2 } });
  expect(await client.next("error", 61)).toMatchObject({ code: "bad-action" });
  client.send({ type: "goto", request: 62, node: 99 });
  expect(await client.next("error", 62)).toMatchObject({ code: "unknown-node" });
  client.send("{");
  expect(await client.next("error")).toMatchObject({ code: "bad-message" });
  expect((await client.step()).node).toBe(2);
});
