// The store in which ranks meet, as whoever connects to its port sees it.
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { afterEach, describe, expect, test } from "vitest";
import { native } from "./binding.js";
import { availableBackends } from "./distributed.js";

const GREETING = "vid2world store 1\n";

const part = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, bytes]);
};
const request = (what: string, ...parts: string[]): Buffer =>
  part(Buffer.concat([Buffer.from(what), ...parts.map(part)]).toString("latin1"));

const listening: Server[] = [];
afterEach(() => {
  for (const server of listening.splice(0)) server.close();
});

/** A port at which `greet` answers whoever comes, or (absent) one that is free. */
async function portOf(greet?: string): Promise<number> {
  const server = createServer((socket) => socket.on("error", () => undefined).end(greet ?? "")).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  if (greet === undefined) await new Promise((resolve) => server.close(resolve));
  else listening.push(server);
  return port;
}

/** All that the store answers until it closes, or until as many bytes have come. */
function say(port: number, bytes: Uint8Array | string, until = Infinity, host = "127.0.0.1"): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = "";
    const socket = connect({ port, host }, () => socket.write(bytes));
    socket.setEncoding("latin1").on("data", (text: string) => {
      heard += text;
      if (heard.length >= until) socket.destroy();
    });
    socket.once("error", reject).once("close", () => {
      resolve(heard);
    });
  });
}

describe.skipIf(!availableBackends().includes("gloo"))("the store of a process group", () => {
  test("sets, gets, adds, deletes and counts; what is absent is answered so", async () => {
    const port = await portOf();
    const store = await native.openStore("127.0.0.1", port, true, 5000);
    await native.storeSet(store, "one", "ä value");
    expect(await native.storeGet(store, "one")).toBe("ä value");
    expect(await native.storeGet(store, "two")).toBeUndefined();
    await native.storeSet(store, "empty", "");
    expect(await native.storeGet(store, "empty")).toBe("");
    const asked = [request("a", "sum", "5"), request("a", "sum", "-7"), request("g", "sum"), request("n", ""), request("d", "sum"), request("d", "sum"), request("g", "sum")]; // prettier-ignore
    const answers = ["15", "1-2", "1-2", "13", "1", "0", "0"].map((text) => part(text).toString("latin1"));
    const expected = GREETING + answers.join("");
    expect(await say(port, Buffer.concat([Buffer.from(GREETING), ...asked]), expected.length)).toBe(expected);
  });

  test("whoever says something else is cut off, and the others are served on", async () => {
    const port = await portOf();
    const store = await native.openStore("127.0.0.1", port, true, 5000);
    const long = Buffer.alloc(4);
    long.writeUInt32LE(2 ** 31);
    const wrong = ["GET / HTTP/1.1\r\n\r\n", Buffer.concat([Buffer.from(GREETING), long]), Buffer.concat([Buffer.from(GREETING), request("?", "key")]), Buffer.concat([Buffer.from(GREETING), part("g\x09")])]; // prettier-ignore
    for (const bytes of wrong) {
      expect(GREETING).toContain(await say(port, bytes).catch(() => "")); // closed, or reset
      await native.storeSet(store, "still", "here");
      expect(await native.storeGet(store, "still")).toBe("here");
    }
  });

  test("another program at its port is told from it, one that is silent too", async () => {
    const place = async (greet: string): Promise<unknown> =>
      native.openStore("127.0.0.1", await portOf(greet), false, 300).catch((error: unknown) => String(error));
    expect(await place("HTTP/1.1 400 Bad Request\r\n\r\n")).toMatch(/another program listens there/);
    expect(await place("")).toMatch(/closed at the other end|reset/);
    const silent = createServer().listen(0, "127.0.0.1");
    listening.push(silent);
    await new Promise((resolve) => silent.once("listening", resolve));
    const { port } = silent.address() as AddressInfo;
    await expect(native.openStore("127.0.0.1", port, false, 300)).rejects.toThrow("no answer");
    await expect(native.openStore("127.0.0.1", port, true, 300)).rejects.toThrow(/already in use/);
  });

  const outside = Object.values(networkInterfaces()).flat().find((one) => one?.family === "IPv4" && !one.internal); // prettier-ignore
  test.skipIf(outside === undefined)(
    "ranks of one machine meet where no other reaches them (skipped without a network)",
    async () => {
      const [near, far] = [await portOf(), await portOf()];
      await native.openStore("127.0.0.1", near, true, 5000);
      await native.openStore(outside?.address ?? "", far, true, 5000);
      await expect(say(near, GREETING, 1, outside?.address)).rejects.toThrow(/ECONNREFUSED/);
      expect(await say(far, GREETING, GREETING.length, outside?.address)).toBe(GREETING);
    },
  );
});
