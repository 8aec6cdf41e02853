// Conversions that are killed (SIGKILL) again and again: never half an episode under its final name, and the same bytes in the end.
// VID2WORLD_KILLS=20 kills each of them more often than once, as in an ordinary run. Also: their memory does not grow with the input.
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { writeVideo } from "@vid2world/formats";
import type { NpyArray } from "@vid2world/formats/npy/dtypes";
import { writeNpz } from "@vid2world/formats/npy/npz";
import { describe, expect, test } from "vitest";
import { contents } from "./testing/contents.js";
import { example, temporaryFolder } from "./testing/oracle.js";
import { rldsRecord, writeRldsDataset } from "./testing/rlds-dataset.js";
import { hdf5Like, tarOf } from "./testing/tar-archive.js";

const KILLS = Number(process.env["VID2WORLD_KILLS"] ?? 1);
const folder = temporaryFolder();

/** How a conversion is called in a process of its own. */
interface Conversion {
  readonly module: string;
  readonly call: string;
  readonly input: string;
  readonly more?: Readonly<Record<string, unknown>>;
}

interface Outcome {
  /** Milliseconds from its first step to its end. */
  readonly took: number;
  readonly killed: boolean;
  /** Largest resident size. */
  readonly peakMegabytes: number;
}

/** Runs a conversion; with `killAfter` it is killed that many milliseconds after it began, if it still runs. */
async function run({ module, call, input, more }: Conversion, output: string, killAfter?: number): Promise<Outcome> {
  const file = createRequire(import.meta.url).resolve(`@vid2world/world/data/${module}`);
  const code = `
    import { readFileSync } from "node:fs";
    const { ${call} } = await import(${JSON.stringify(pathToFileURL(file).href)});
    const begun = performance.now();
    console.log("begun");
    const { problems } = await ${call}(${JSON.stringify({ input, output, ...more })});
    if (problems.length > 0) throw problems[0];
    console.log(JSON.stringify({ took: performance.now() - begun, status: readFileSync("/proc/self/status", "utf8") }));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "pipe"] });
  let [said, errors] = ["", ""];
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const begun = new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("begun")) resolve();
    });
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  await Promise.race([begun, ended]);
  if (killAfter !== undefined) {
    await Promise.race([setTimeout(killAfter), ended]);
    child.kill("SIGKILL");
  }
  await ended;
  if (child.signalCode === "SIGKILL") return { took: NaN, killed: true, peakMegabytes: NaN };
  if (child.exitCode !== 0) throw new Error(`${call}: ${errors}`);
  const { took, status } = JSON.parse(said.split("\n")[1] ?? "") as { took: number; status: string };
  return { killed: false, took, peakMegabytes: Number(/VmHWM:\s*(\d+)/.exec(status)?.[1]) / 1024 };
}

/** Kills it at moments all over its run; whatever is there under a final name at any moment is whole. */
async function killAgainAndAgain(conversion: Conversion, isFinal: (entry: string) => boolean): Promise<void> {
  const [whole, out] = ["whole", "out"].map((name) => join(folder, `${conversion.call}-${name}`)) as [string, string];
  rmSync(whole, { recursive: true, force: true });
  rmSync(out, { recursive: true, force: true });
  const { took } = await run(conversion, whole);
  const expected = contents(whole);
  let kills = 0;
  for (let attempt = 0; kills < KILLS && attempt < 4 * KILLS; attempt++) {
    const moment = (0.5 + attempt * 0.618) % 1; // spread evenly, however many there are
    const { killed } = await run(conversion, out, took * moment * 0.7);
    if (killed) kills++;
    const there = existsSync(out) ? contents(out).filter(isFinal) : [];
    expect(there.filter((entry) => !expected.includes(entry))).toEqual([]);
    if (!killed) rmSync(out, { recursive: true, force: true }); // it was quicker: from the beginning
  }
  expect(kills).toBeGreaterThan(0);
  await run(conversion, out);
  expect(contents(out)).toEqual(expected);
}

describe("killed and started again, a conversion leaves the same bytes:", () => {
  const rlds = join(folder, "rlds");
  const isFile = (name: string) => (entry: string) => !/(^|\/)\./.test(entry) && entry.includes(name);

  test("robot episodes to .npz", { timeout: 120_000 }, async () => {
    const records = await Promise.all(Array.from({ length: 12 }, (_, i) => rldsRecord(i)));
    await writeRldsDataset(rlds, [records.slice(0, 5), records.slice(5)]);
    const conversion = { module: "rlds/convert-rlds", call: "convertRlds", input: rlds };
    await killAgainAndAgain(conversion, isFile(".npz "));
  });

  test("robot episodes to a recording", { timeout: 120_000 }, async () => {
    const records = await Promise.all(Array.from({ length: 12 }, (_, i) => rldsRecord(i)));
    await writeRldsDataset(rlds, [records]);
    const conversion = {
      module: "rlds/convert-rlds",
      call: "convertRlds",
      input: rlds,
      more: { format: "recordings" },
    };
    await killAgainAndAgain(conversion, isFile(".actions.json "));
  });

  test("CS:GO archives", { timeout: 120_000 }, async () => {
    const input = join(folder, "tars");
    mkdirSync(input);
    const entries = Array.from({ length: 12 }, (_, i) => {
      return { name: `hdf5_dm_july2021_${i + 1}.hdf5`, content: hdf5Like(1_500_000 + i) };
    });
    writeFileSync(join(input, "hdf5_dm_july2021_1_to_200.tar"), tarOf(entries));
    await killAgainAndAgain({ module: "csgo/csgo-convert", call: "convertCsgo", input }, isFile(".hdf5 "));
  });

  const release = example("formats/recon_release");
  test.skipIf(release === undefined)("RECON's trajectories", { timeout: 120_000 }, async () => {
    const input = join(folder, "recon");
    mkdirSync(input);
    for (const file of readdirSync(release as string))
      for (const copy of ["a", "b"]) copyFileSync(join(release as string, file), join(input, `${copy}-${file}`));
    await killAgainAndAgain({ module: "recon/recon-convert", call: "convertRecon", input }, isFile(""));
  });

  test("videos with inputs", { timeout: 120_000 }, async () => {
    const input = join(folder, "videos");
    const frames = Array.from({ length: 12 }, (_, t) => new Uint8Array(32 * 24 * 3).fill(t * 20));
    for (const name of ["a", "b"]) {
      await writeVideo(join(input, `${name}.mp4`), frames, { width: 32, height: 24, fps: 10 });
      writeFileSync(join(input, `${name}.csv`), "t,forward\n0,0\n1,1\n");
    }
    const mapping = join(input, "mapping.yaml");
    writeFileSync(
      mapping,
      "name: m\nlicence: CC0-1.0\nsource: test\nfps: 5\nwidth: 32\nheight: 24\nchannels:\n  - { name: forward, kind: continuous, range: [-1, 1] }\n",
    );
    const conversion = { module: "import/import-folder", call: "importFolder", input, more: { mapping } };
    await killAgainAndAgain(conversion, isFile(".actions.json "));
  });

  test("gymnasium episodes", { timeout: 120_000 }, async () => {
    const input = join(folder, "gymnasium");
    mkdirSync(input);
    const frames = { dtype: "uint8", shape: [9, 32, 48, 3], data: new Uint8Array(9 * 32 * 48 * 3).fill(90) } as const;
    const actions = {
      dtype: "int64",
      shape: [8],
      data: BigInt64Array.from({ length: 8 }, (_, t) => BigInt(t % 3)),
    } as const;
    for (const name of ["a", "b", "c"])
      await writeNpz(join(input, `${name}.npz`), new Map<string, NpyArray>(Object.entries({ frames, actions })));
    const conversion = { module: "import/import-gymnasium", call: "importGymnasium", input, more: { fps: 10 } };
    await killAgainAndAgain(conversion, isFile(".actions.json "));
  });

  test("a LeRobot dataset", { timeout: 120_000 }, async () => {
    const input = join(import.meta.dirname, "import/fixtures/lerobot-images");
    await killAgainAndAgain(
      { module: "import/import-lerobot", call: "importLeRobot", input },
      isFile(".actions.json "),
    );
  });
});

describe("memory does not grow with the input:", () => {
  const INPUT_MEGABYTES = 200;
  const ALLOWED_MEGABYTES = 190; // Node and the libraries alone take about 100

  test("a tar archive", async () => {
    const input = join(folder, "large-tar");
    mkdirSync(input);
    const entry = { name: "hdf5_dm_july2021_1.hdf5", content: hdf5Like(INPUT_MEGABYTES * 1e6) };
    writeFileSync(join(input, "hdf5_dm_july2021_1_to_200.tar"), tarOf([entry]));
    const { peakMegabytes } = await run({ module: "csgo/csgo-convert", call: "convertCsgo", input }, `${input}-out`);
    expect(peakMegabytes).toBeLessThan(ALLOWED_MEGABYTES);
    rmSync(input, { recursive: true });
    rmSync(`${input}-out`, { recursive: true });
  });

  test("a shard of robot episodes", async () => {
    const input = join(folder, "large-shard");
    const extra = [new Uint8Array(4e6).fill(7)];
    const one = await rldsRecord(0, (features) => features.set("steps/depth", { kind: "bytes", values: extra }));
    await writeRldsDataset(input, [Array.from({ length: INPUT_MEGABYTES / 4 }, () => one)]);
    const { peakMegabytes } = await run({ module: "rlds/convert-rlds", call: "convertRlds", input }, `${input}-out`);
    expect(peakMegabytes).toBeLessThan(ALLOWED_MEGABYTES);
    rmSync(input, { recursive: true });
  });
});
