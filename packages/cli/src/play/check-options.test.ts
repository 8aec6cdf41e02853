// What `vid2world play` refuses before it loads anything.
import { once } from "node:events";
import { writeFile, mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkOptions } from "./check-options.js";

const host = "127.0.0.1";

test("a token comes from its file, or is the one that was given", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vid2world-token-"));
  try {
    const tokenFile = join(folder, "token");
    await writeFile(tokenFile, "a long secret\n");
    expect(await checkOptions({ host, tokenFile })).toEqual({ host, token: "a long secret" });
    expect(await checkOptions({ host, token: "another one" })).toEqual({ host, token: "another one" });
    expect(await checkOptions({ host: "0.0.0.0", insecure: true })).toEqual({ host: "0.0.0.0", insecure: true });
    await expect(checkOptions({ host, tokenFile: join(folder, "no") })).rejects.toThrow("--token-file");
    await expect(checkOptions({ host: "0.0.0.0" })).rejects.toThrow("--insecure");
    await expect(checkOptions({ host, token: "" })).rejects.toThrow("8 or more characters");
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a port that somebody uses, one that is none, and an address elsewhere are refused by name", async () => {
  const taken = createServer().listen(0, host);
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  await expect(checkOptions({ host, port })).rejects.toThrow(`--port: expected one that nobody uses; without --port`);
  await expect(checkOptions({ host, port: 70_000 })).rejects.toThrow("--port");
  await expect(checkOptions({ host: "192.0.2.1", port: 0, insecure: true })).rejects.toThrow("--host");
  taken.close();
  await once(taken, "close");
  await checkOptions({ host, port });
});

test("starts that are not there are refused", async () => {
  await expect(checkOptions({ host, start: ["/nope"] })).rejects.toThrow('--start: expected files and folders that are there, received "/nope"'); // prettier-ignore
});
