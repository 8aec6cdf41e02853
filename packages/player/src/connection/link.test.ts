// A link over sockets that a test opens, closes and answers for.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { SocketLike } from "../protocol.js";
import { type Link, type LinkEvents, createLink } from "./link.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface TestSocket extends SocketLike {
  open(): void;
  end(code: number): void;
}

function testSocket(): TestSocket {
  const socket: TestSocket = {
    ...{ readyState: 0, binaryType: "", onopen: null, onclose: null, onmessage: null },
    send: () => undefined,
    close: () => undefined,
    open() {
      Object.assign(socket, { readyState: 1 });
      socket.onopen?.({} as never);
    },
    end: (code) => socket.onclose?.({ code } as never),
  };
  return socket;
}

function linkWith(events: Partial<LinkEvents>): { link: Link; sockets: TestSocket[]; told: string[] } {
  const sockets: TestSocket[] = [];
  const told: string[] = [];
  const link = createLink(
    () => {
      const socket = testSocket();
      sockets.push(socket);
      return socket;
    },
    {
      greet: () => Promise.resolve(),
      frame: () => undefined,
      news: () => undefined,
      taken: () => void told.push("taken"),
      lost: (why) => void told.push(`lost${why === undefined ? "" : `: ${why.message}`}`),
      ...events,
    },
  );
  link.connect();
  return { link, sockets, told };
}

test("a refused greeting is tried again, later each time, until it is taken", async () => {
  let refusals = 3;
  const greet = (): Promise<void> => (refusals-- > 0 ? Promise.reject(new Error("full")) : Promise.resolve());
  const { sockets, told } = linkWith({ greet });
  for (const [i, delay] of [250, 500, 1000].entries()) {
    sockets[i]?.open();
    await vi.advanceTimersByTimeAsync(delay - 1);
    expect(sockets).toHaveLength(i + 1);
    await vi.advanceTimersByTimeAsync(1);
    expect(sockets).toHaveLength(i + 2);
  }
  expect(told).toEqual(["lost: full", "lost: full", "lost: full"]);
  sockets[3]?.open();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sockets).toHaveLength(4);
  sockets[3]?.end(1006); // from here on, tries begin again at the shortest distance
  await vi.advanceTimersByTimeAsync(250);
  expect(sockets).toHaveLength(5);
});

test("a connection that is lost during its greeting is one loss", async () => {
  const { link, sockets, told } = linkWith({ greet: async () => void (await link.request({ type: "pause" })) });
  sockets[0]?.open();
  sockets[0]?.end(1006);
  await vi.advanceTimersByTimeAsync(250);
  expect(told).toEqual(["lost"]);
  expect(sockets).toHaveLength(2);
});

test("a session that was taken over is not taken back by itself", async () => {
  const { sockets, told } = linkWith({});
  sockets[0]?.open();
  sockets[0]?.end(4001);
  await vi.advanceTimersByTimeAsync(60_000);
  expect([sockets.length, told]).toEqual([1, ["taken"]]);
});

test("a connection that answers nothing is given up, and tried again as after a loss", async () => {
  const { link, sockets, told } = linkWith({});
  sockets[0]?.open();
  await vi.advanceTimersByTimeAsync(0);
  link.giveUp();
  sockets[0]?.end(1006); // heard long after, and of no interest any more
  await vi.advanceTimersByTimeAsync(250);
  expect([sockets.length, told]).toEqual([2, ["lost"]]);
});
