// What `vid2world play` makes of its options, and what it says of where it is.
import { resolve } from "node:path";
import { expect, test, vi } from "vitest";
import { networkAddress } from "../play/network-address.js";
import { playWorld } from "../play/play-world.js";
import { createProgram } from "../program.js";

vi.mock("../play/play-world.js", () => ({ playWorld: vi.fn() }));

test.each([
  [["play", "--verbose"], { verbose: true, host: "127.0.0.1", sessions: 4, open: true }],
  [["--verbose", "play"], { verbose: true }],
  [["play", "--start", "a.png", "--no-open"], { verbose: undefined, open: false, start: [resolve("a.png")] }],
])("%j is served as it says", async (argv, expected) => {
  await (await createProgram(argv)).parseAsync(argv, { from: "user" });
  expect(vi.mocked(playWorld)).toHaveBeenLastCalledWith(expect.objectContaining(expected));
});

test("who listens everywhere is told the address for others", () => {
  const one = { netmask: "", mac: "", cidr: null };
  const interfaces = {
    lo: [{ ...one, address: "127.0.0.1", family: "IPv4" as const, internal: true }],
    eth0: [{ ...one, address: "192.168.1.7", family: "IPv4" as const, internal: false }],
  };
  expect(networkAddress("http://127.0.0.1:8008", "0.0.0.0", interfaces)).toBe("http://192.168.1.7:8008");
  expect(networkAddress("http://127.0.0.1:8008", "127.0.0.1", interfaces)).toBeUndefined();
  expect(networkAddress("http://127.0.0.1:8008", "0.0.0.0", { lo: interfaces.lo })).toBeUndefined();
});
