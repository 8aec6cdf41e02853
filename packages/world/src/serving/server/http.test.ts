// Sessions, uploads and pictures over HTTP, with arithmetic in place of a world.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import sharp from "sharp";
import type { FrameMessage } from "../protocol/frame-codec.js";
import { unpackFrames } from "../protocol/frame-packing.js";
import type { Uploaded } from "../protocol/http.js";
import type { OpenedSession, SessionFile } from "../protocol/messages.js";
import { TestClient } from "../testing/play-client.js";
import { type TestServer, testServer, testStart } from "../testing/test-server.js";
import { type Gallery, fixedGallery } from "./gallery/gallery.js";
import { memoryStore } from "./session-store.js";

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ limits: { sessions: 100 } });
});
afterAll(() => server.close());

const gallery = { kind: "gallery", id: "start-0" } as const;

async function open(body: unknown = { start: gallery, seed: 1 }): Promise<OpenedSession> {
  const response = await server.http("POST", "/api/v1/sessions", body);
  expect(response.status).toBe(201);
  return (await response.json()) as OpenedSession;
}

const own = ({ session, key }: OpenedSession, rest = ""): [string, Record<string, string>] => [
  `/api/v1/sessions/${session}${rest}`,
  { "x-session-key": key },
];
const about = (method: string, session: OpenedSession, rest = "", body?: unknown): Promise<Response> => {
  const [path, headers] = own(session, rest);
  return server.http(method, path, body, headers);
};
const bytes = async (response: Response): Promise<Uint8Array> => new Uint8Array(await response.arrayBuffer());
const framesOf = async (response: Response): Promise<FrameMessage[]> =>
  unpackFrames(await bytes(response)).flatMap((one) => ("error" in one ? [] : [one]));
const step = async (session: OpenedSession, body: unknown): Promise<FrameMessage[]> =>
  framesOf(await about("POST", session, "/step", body));

describe("a session", () => {
  test("is stepped by several actions at once, branched, and ended", async () => {
    const session = await open();
    const frames = await step(session, { actions: [{ forward: 1 }, {}, { use: 1 }] });
    expect(frames.map(({ node, parent, format }) => [node, parent, format])).toEqual([
      [2, 1, "rgb"],
      [3, 2, "rgb"],
      [4, 3, "rgb"],
    ]);
    const [again] = await step(session, { actions: [{ forward: 1 }], from: 1 });
    expect(again?.pixels).toEqual(frames[0]?.pixels);
    expect((await about("DELETE", session)).status).toBe(204);
    expect((await about("GET", session)).status).toBe(404);
  });

  test("is its owner's alone", async () => {
    const session = await open();
    for (const key of ["", "guess", `${session.key}x`])
      expect((await about("GET", { ...session, key })).status).toBe(404);
    expect(((await (await about("GET", session)).json()) as OpenedSession).nodes).toHaveLength(2);
  });

  test("is forked: both go on alike and apart", async () => {
    const session = await open();
    await step(session, { actions: [{ forward: 1 }, { forward: -1 }] });
    const fork = (await (await about("POST", session, "/fork", { node: 2 })).json()) as OpenedSession;
    expect(fork.session).not.toBe(session.session);
    expect(fork.state.node).toBe(2);
    const [ours] = await step(session, { actions: [{ use: 1 }], from: 2 });
    const [theirs] = await step(fork, { actions: [{ use: 1 }] });
    expect(theirs?.pixels).toEqual(ours?.pixels);
  });

  test("comes back from its snapshot, and from nobody else's or a changed one", async () => {
    const session = await open();
    await step(session, { actions: [{ forward: 1 }] });
    const snapshot = await bytes(await about("GET", session, "/snapshot"));
    const restored = await server.http("POST", "/api/v1/sessions/restore", snapshot);
    expect(restored.status).toBe(201);
    const twin = (await restored.json()) as OpenedSession;
    expect((await step(twin, { actions: [{}] }))[0]?.pixels).toEqual(
      (await step(session, { actions: [{}] }))[0]?.pixels,
    );
    for (const at of [3, 20, 60, snapshot.length - 1]) {
      const changed = snapshot.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect((await server.http("POST", "/api/v1/sessions/restore", changed)).status).toBe(422);
    }
    const other = await testServer();
    expect((await other.http("POST", "/api/v1/sessions/restore", snapshot)).status).toBe(422);
    await other.close();
    const busy = await testServer({ limits: { restores: 0, snapshots: 0, uploadsAtOnce: 0 } });
    expect((await busy.http("POST", "/api/v1/uploads", snapshot)).status).toBe(429);
    expect((await busy.http("POST", "/api/v1/sessions/restore", snapshot)).status).toBe(429);
    expect((await busy.http("GET", "/api/v1/sessions/any/snapshot")).status).toBe(429);
    await busy.close();
  });

  test("steps together with others in one request", async () => {
    const sessions = [await open(), await open({ start: gallery, seed: 2 })];
    const steps = sessions.map(({ session, key }) => ({ session, key, action: { forward: 1 } }));
    const frames = await framesOf(await server.http("POST", "/api/v1/step", { steps }));
    expect(frames).toHaveLength(2);
    expect(frames[0]?.pixels).not.toEqual(frames[1]?.pixels);
  });

  test("has no true frames where it is resumed by a server that begins elsewhere", async () => {
    const store = memoryStore();
    const numbers = fixedGallery([testStart]);
    const recorded: Gallery = {
      entries: [{ id: "walk-7", title: "a walk", truthFrames: 5 }],
      start: () => numbers.start("start-0"),
      truth: () => Promise.resolve(testStart.frames.slice(0, 8 * 6 * 3)),
    };
    const first = await testServer({ store, gallery: recorded });
    const began = await first.http("POST", "/api/v1/sessions", { start: { kind: "gallery", id: "walk-7" } });
    const { session, key, truthFrames } = (await began.json()) as OpenedSession;
    await first.close();
    const second = await testServer({ store });
    const resumed = await second.http("GET", `/api/v1/sessions/${session}`, undefined, { "x-session-key": key });
    expect([truthFrames, ((await resumed.json()) as OpenedSession).truthFrames]).toEqual([5, 0]);
    await second.close();
  });

  test("shows any of its pictures, also those that were let go", async () => {
    const session = await open();
    const frames = await step(session, { actions: [{ forward: 1 }, { use: 1 }] });
    const first = await bytes(await about("GET", session, "/frames/0?format=rgb"));
    expect(first).toEqual(testStart.frames.slice(0, first.length));
    const fresh = await open(); // has drawn these two, but never encoded them
    await step(fresh, { actions: [{ forward: 1 }, { use: 1 }], format: "webp" });
    expect(await bytes(await about("GET", fresh, "/frames/3?format=rgb"))).toEqual(frames[1]?.pixels);
    const jpeg = await about("GET", session, "/frames/3");
    expect(jpeg.headers.get("content-type")).toBe("image/jpeg");
    expect((await sharp(await jpeg.arrayBuffer()).metadata()).width).toBe(8);
    expect((await about("GET", session, "/frames/99")).status).toBe(404);
    expect((await about("GET", session, "/truth/2")).status).toBe(404);
  });
});

describe("an upload", () => {
  const upload = (body: Uint8Array | string): Promise<Response> =>
    fetch(`${server.address}/api/v1/uploads`, {
      method: "POST",
      headers: { "content-type": "application/x-anything" },
      body: typeof body === "string" ? body : Buffer.from(body),
    });

  test("of a picture is a start", async () => {
    const picture = await sharp({ create: { width: 30, height: 20, channels: 3, background: "#336699" } })
      .png()
      .toBuffer();
    const { id, kind } = (await (await upload(picture)).json()) as Uploaded;
    const session = await open({ start: { kind, id } });
    expect(session.nodes).toHaveLength(2);
    const pixels = await bytes(await about("GET", session, "/frames/1?format=rgb"));
    expect([...pixels.subarray(0, 3)]).toEqual([0x33, 0x66, 0x99]);
  });

  test("of a session's file plays it again to the same bytes", async () => {
    const session = await open();
    const drawn = await step(session, { actions: [{ forward: 1 }, { use: 1 }], settings: { numSteps: 5 } });
    drawn.push(...(await step(session, { actions: [{ forward: -0.5 }], from: 2, settings: { seed: 9 } })));
    const file = (await (await about("GET", session, "/file")).json()) as SessionFile;
    file.current = 3; // where the player went back to
    const { id, kind, exact, frames } = (await (await upload(JSON.stringify(file))).json()) as Uploaded;
    expect({ kind, exact, frames }).toEqual({ kind: "replay", exact: true, frames: 3 });

    const client = await TestClient.connect(server.address);
    const opened = await client.open({ start: { kind: "replay", id }, settings: { seed: 7 } }); // of what is played after it
    expect(opened).toMatchObject({ replayFrames: 3, seed: 1 });
    client.send({ type: "play", request: 90, fps: 200 });
    for (const original of drawn) {
      const frame = await client.next("frame");
      expect([frame.node, frame.parent]).toEqual([original.node, original.parent]);
      expect(frame.pixels).toEqual(original.pixels);
      client.send({ type: "shown", count: client.frames });
    }
    await client.next("state", 90);
    expect((await client.next("state")).state).toMatchObject({ phase: "paused", node: 3 });
    await client.end();
  });

  test("of anything else is refused without a word about the machine", async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>';
    const playlist = "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n";
    const broken = Uint8Array.of(0xff, 0xd8, 0xff, 1, 2, 3);
    const cut = new TextEncoder().encode("....ftypisom....nothing that follows is a video");
    const files = [svg, playlist, broken, cut, "{}", '{"format":"vid2world-session/1"'];
    const responses = await Promise.all(files.map(upload));
    for (const response of responses) {
      expect(response.status).toBe(422);
      const { error } = (await response.json()) as { error: { message: string } };
      expect(error.message).not.toMatch(/\/tmp|\/etc|node_modules|upload/);
      expect(error.message).toMatch(/^this file cannot be used: [^:]/);
    }
    expect((await upload("")).status).toBe(422);
  });

  test("that is too large, or holds a picture that is, is refused", async () => {
    const small = await testServer({ limits: { uploadBytes: 1000, uploadPixels: 100 } });
    const picture = await sharp({ create: { width: 30, height: 20, channels: 3, background: "red" } })
      .png()
      .toBuffer();
    expect((await small.http("POST", "/api/v1/uploads", picture)).status).toBe(422);
    expect((await small.http("POST", "/api/v1/uploads", new Uint8Array(1001))).status).toBe(413);
    await small.close();
  });
});

test("bodies that are not as they should be are refused, saying why", async () => {
  const refused = async (path: string, body: unknown): Promise<string> => {
    const response = await server.http("POST", path, body);
    expect(response.status).toBe(400);
    return ((await response.json()) as { error: { message: string } }).error.message;
  };
  expect(await refused("/api/v1/sessions", {})).toContain("start");
  expect(await refused("/api/v1/sessions", { start: gallery, speed: 3 })).toContain("speed");
  expect(await refused("/api/v1/sessions", { start: gallery, settings: { decoder: "tiny" } })).toContain("decoder");
  expect(await refused("/api/v1/sessions", { start: gallery, settings: { numSteps: 101 } })).toContain("1 to 100");
  expect((await server.http("POST", "/api/v1/sessions", { start: { kind: "gallery", id: "../x" } })).status).toBe(404);
});

test("operators see health, readiness and figures", async () => {
  await step(await open(), { actions: [{}] });
  expect(await (await server.http("GET", "/health")).json()).toEqual({ status: "ok" });
  expect(await (await server.http("GET", "/ready")).json()).toMatchObject({ status: "ready" });
  const metrics = await (await server.http("GET", "/metrics")).text();
  expect(metrics).toMatch(/^vid2world_frames_total [1-9]/m);
  expect(metrics).toMatch(/^vid2world_sessions [1-9]/m);
  expect(metrics).toMatch(/vid2world_frame_seconds_bucket\{le="0.002",part="model"\}/);
});
