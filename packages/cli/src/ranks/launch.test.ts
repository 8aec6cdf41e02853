// Several processes started as one: their places, their lines, their end.
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { launchRanks, withoutDevices } from "./launch.js";

const launch = async (count: number, body: string): Promise<{ code: number; lines: string[] }> => {
  const lines: string[] = [];
  const command = ["--input-type=module", "-e", `const rank = Number(process.env.RANK); ${body}`];
  const code = await launchRanks({ count, command, say: (line) => lines.push(line) });
  return { code, lines };
};

test("every rank has its place, and rank 1 says whose its lines are", async () => {
  const body = `const { RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR } = process.env;
    if (rank === 1) console.error([RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR].join(" "));`;
  expect(await launch(2, body)).toEqual({ code: 0, lines: ["[rank 1] 1 1 2 127.0.0.1"] });
});

test("the exit code is that of the first rank that failed, and a killed one is named", async () => {
  expect((await launch(2, `process.exit(rank === 1 ? 130 : 0)`)).code).toBe(130);
  const killed = await launch(2, `if (rank === 1) process.kill(process.pid, "SIGKILL"); setTimeout(() => {}, 300);`);
  expect(killed).toEqual({ code: 1, lines: ["rank 1 was ended by SIGKILL"] });
});

test("ranks that cannot join end with their reason, and do not wait for the process that started them", async () => {
  const body = `const { asRank } = await import(${JSON.stringify(new URL("../../dist/src/ranks/join.js", import.meta.url))});
    await asRank({ device: "cuda:0", timeout: 20, onOrphaned() {} }, () => {}).catch((error) => {
      if (rank === 1) console.error(error.message);
      process.exitCode = 3;
    });`;
  const { code, lines } = await launch(2, body);
  expect(code).toBe(3);
  expect(lines.join()).toContain("each rank takes a GPU of its own");
});

test("ranks are started without --devices", () => {
  expect(withoutDevices(["train", "a.yaml", "--devices", "4", "--resume"])).toEqual(["train", "a.yaml", "--resume"]);
  expect(withoutDevices(["train", "--devices=4", "a.yaml"])).toEqual(["train", "a.yaml"]);
});

test("train --devices 2 saves once when it is asked to stop, ends with code 130, and goes on", async () => {
  const root = join(import.meta.dirname, "../../../..");
  const folder = await mkdtemp(join(tmpdir(), "vid2world-devices-"));
  const train = (words: readonly string[]) => {
    const main = join(root, "packages/cli/dist/src/main.js");
    const all = ["train", join(root, "configs/debug.yaml"), "--out", folder, "--devices", "2", ...words];
    const child = spawn(process.execPath, [main, ...all], { stdio: ["ignore", "ignore", "pipe"] });
    let text = "";
    child.stderr.setEncoding("utf8").on("data", (piece: string) => void (text += piece));
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    return { child, ended: async () => ({ code: await ended, text }) };
  };
  try {
    const first = train(["--max-steps", "100000"]);
    const metrics = (): Promise<string> => readFile(join(folder, "metrics.jsonl"), "utf8").catch(() => "");
    while (first.child.exitCode === null && !(await metrics()).includes('"step"'))
      await new Promise((resolve) => setTimeout(resolve, 100));
    first.child.kill("SIGINT");
    const { code, text } = await first.ended();
    expect(text.match(/saving; once more to end at once/g)).toHaveLength(1);
    const [, step = ""] = /stopped at step (\d+); go on with --resume/.exec(text) ?? [];
    expect(code).toBe(130);
    expect(await readdir(join(folder, "checkpoints"))).toEqual([`step-${step.padStart(8, "0")}.safetensors`]);
    const resumed = await train(["--resume", "--max-steps", String(Number(step) + 1)]).ended();
    expect(resumed.text).toContain("done: ");
    expect(resumed.code).toBe(0);
  } finally {
    await rm(folder, { recursive: true });
  }
}, 180_000);
