// The WebSocket client against a server with arithmetic in place of a world, over the sockets of Node.
import { once } from "node:events";
import WebSocket from "ws";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestServer, testServer } from "../testing/test-server.js";
import type { FrameMessage } from "./frame-codec.js";
import { ConnectionLostError, type PlayEvents, type PlaySocket, playOver } from "./play-socket.js";

let server: TestServer;
beforeAll(async () => {
  server = await testServer({});
});
afterAll(() => server.close());

const open = { type: "open", protocol: 1, start: { kind: "gallery", id: "start-0" }, seed: 1, format: "rgb" } as const;

async function connected(events: PlayEvents): Promise<{ play: PlaySocket; socket: WebSocket }> {
  const socket = new WebSocket(`${server.address.replace("http", "ws")}/api/v1/play`);
  const opened = once(socket, "open");
  const play = playOver(socket, events);
  await opened;
  return { play, socket };
}

test("a world is played: requests are answered by type, frames come, and no more than were dealt with", async () => {
  const frames: FrameMessage[] = [];
  let release: () => void = () => undefined;
  let held: Promise<void> | undefined;
  let came: () => void = () => undefined;
  const { play } = await connected({
    frame: (frame) => {
      frames.push(frame);
      came();
      return held;
    },
  });
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

test("refusals reject with their code, and what was asked is lost with the connection", async () => {
  let ended: number | undefined;
  const { play, socket } = await connected({ frame: () => undefined, ended: (code) => (ended = code) });
  const unknown = { type: "resume", protocol: 1, session: "none", key: "none" } as const;
  await expect(play.request(unknown)).rejects.toMatchObject({ name: "RemoteError", code: "unknown-session" });
  await play.request(open);
  const lost = expect(play.request({ type: "pause" })).rejects.toBeInstanceOf(ConnectionLostError);
  socket.terminate();
  await lost;
  expect(ended).toBe(1006);
  await expect(play.request({ type: "pause" })).rejects.toBeInstanceOf(ConnectionLostError);
});
