// The TypeScript client against a server with arithmetic in place of a world.
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestServer, testServer } from "../testing/test-server.js";
import { RemoteError, remoteWorld } from "./client.js";

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ token: "a secret" });
});
afterAll(() => server.close());

test("a world is stepped, branched, saved and brought back through the client", async () => {
  const remote = remoteWorld(server.address, { token: "a secret" });
  expect((await remote.world()).channels?.map(({ name }) => name)).toEqual(["forward", "use"]);
  const [start] = await remote.starts();
  const session = await remote.open({ start: { kind: "gallery", id: start?.id ?? "" }, seed: 1 });
  const [first] = await session.step({ forward: 1 });
  const [second] = await session.step([{ use: 1 }]);
  const fork = await session.fork(first?.node);
  expect((await fork.step({ use: 1 }))[0]?.pixels).toEqual(second?.pixels);
  const twin = await remote.restore(await session.snapshot());
  const both = await remote.stepTogether([session, twin].map((one) => ({ session: one, action: {} })));
  expect(both[0]?.pixels).toEqual(both[1]?.pixels);
  expect(await session.picture(2, "rgb")).toEqual(first?.pixels);
  expect((await session.file()).nodes).toHaveLength(3);
  const again = await remote.resume(session.opened.session, session.opened.key);
  await again.close();
  await expect(session.step({})).rejects.toMatchObject({ code: "unknown-session", status: 404 });
});

test("frames that were drawn come, whatever became of the others", async () => {
  const small = await testServer({ limits: { frames: 5 } });
  const remote = remoteWorld(small.address);
  const start = { kind: "gallery", id: "start-0" } as const;
  const [one, two] = [await remote.open({ start, seed: 1 }), await remote.open({ start, seed: 1 })];
  const full = await one.step([{}, {}, {}, {}]).catch((error: unknown) => error);
  expect(full).toMatchObject({ code: "too-many-frames", frames: [{ node: 2 }, { node: 3 }, { node: 4 }, undefined] });
  const steps = [one, two].map((session) => ({ session, action: {} }));
  const half = await remote.stepTogether(steps).catch((error: unknown) => error);
  expect(half).toMatchObject({ code: "too-many-frames", frames: [undefined, { node: 2 }] });
  await expect(one.step({})).rejects.toMatchObject({ code: "too-many-frames", status: 409 });
  await small.close();
});

test("uploads and refusals go through too", async () => {
  const remote = remoteWorld(server.address, { token: "a secret" });
  const picture = await sharp({ create: { width: 8, height: 6, channels: 3, background: "red" } })
    .png()
    .toBuffer();
  expect(await remote.upload(Uint8Array.from(picture))).toMatchObject({ kind: "upload", exact: true });
  await expect(remoteWorld(server.address).world()).rejects.toBeInstanceOf(RemoteError);
});
