// The WebSocket client against a server with arithmetic in place of a world, over the sockets of Node.
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectPlay } from "../connect-play.js";
import { type TestServer, testServer } from "../testing/test-server.js";
import type { FrameMessage } from "./frame-codec.js";
import { ConnectionLostError } from "./play-socket.js";

const token = "secret of this test";
let server: TestServer;
beforeAll(async () => {
  server = await testServer({ token });
});
afterAll(() => server.close());

const open = { type: "open", protocol: 1, start: { kind: "gallery", id: "start-0" }, seed: 1, format: "rgb" } as const;

test("a world is played: requests are answered by type, frames come, and no more than were dealt with", async () => {
  const frames: FrameMessage[] = [];
  let release: () => void = () => undefined;
  let held: Promise<void> | undefined;
  let came: () => void = () => undefined;
  const take = (frame: FrameMessage): Promise<void> | undefined => {
    frames.push(frame);
    came();
    return held;
  };
  const play = await connectPlay(server.address, { frame: take }, { token });
  const until = async (count: number): Promise<void> => {
    while (frames.length < count) await new Promise<void>((resolve) => (came = resolve));
  };
  const { session, nodes } = await play.request(open);
  expect(session).not.toBe("");
  const stepped = await play.request({ type: "step", action: { forward: 1 } });
  expect(stepped).toMatchObject({ node: nodes.length, action: Float32Array.of(1, 0) });
  play.tell({ type: "action", action: { use: 1 }, sequence: 7 });
  held = new Promise((resolve) => (release = resolve));
  expect((await play.request({ type: "play", fps: 240 })).state.phase).toBe("playing");
  await until(3); // two that are not dealt with, besides the step
  await play.request({ type: "ping", sent: 0 });
  expect(frames).toHaveLength(3);
  held = undefined;
  release();
  await until(8);
  expect(frames.at(-1)?.sequence).toBe(7);
  expect((await play.request({ type: "pause" })).state.phase).toBe("paused");
  await play.request({ type: "close" });
  play.end();
});

test("refusals reject with their code, a session that is taken over ends with one, and what was asked is lost with the connection", async () => {
  let told = (_code: number): void => undefined;
  const ended = new Promise<number>((resolve) => (told = resolve));
  const play = await connectPlay(server.address, { frame: () => undefined, ended: (code) => told(code) }, { token });
  const unknown = { type: "resume", protocol: 1, session: "none", key: "none" } as const;
  await expect(play.request(unknown)).rejects.toMatchObject({ name: "RemoteError", code: "unknown-session" });
  const { session, key } = await play.request(open);
  const other = await connectPlay(server.address, { frame: () => undefined }, { token });
  await other.request({ type: "resume", protocol: 1, session, key });
  expect(await ended).toBe(4001);
  await expect(play.request({ type: "pause" })).rejects.toBeInstanceOf(ConnectionLostError);
  const lost = expect(other.request({ type: "pause" })).rejects.toBeInstanceOf(ConnectionLostError);
  other.end();
  await lost;
  await expect(connectPlay(server.address, { frame: () => undefined }, { token: "wrong, but long" })).rejects.toThrow();
});
