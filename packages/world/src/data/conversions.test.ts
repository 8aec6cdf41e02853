// Converting the released CS:GO archives and RECON files: against h5py- and Pillow-made examples, killed runs, damaged originals.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { readImage } from "@vid2world/formats";
import { describe, expect, test } from "vitest";
import { convertCsgo } from "./csgo/csgo-convert.js";
import { convertRecon } from "./recon/recon-convert.js";
import { readTrajectory } from "./recon/trajectory-file.js";
import { contents } from "./testing/contents.js";
import { example, lacks, largestDifference, python, temporaryFolder } from "./testing/oracle.js";
import { hdf5Like, tarOf } from "./testing/tar-archive.js";

const folder = temporaryFolder();

describe("CS:GO archives", () => {
  const tar = example("formats/csgo_tar/hdf5_dm_july2021_1_to_200.tar");
  const archive = "hdf5_dm_july2021_1_to_200.tar";

  test.skipIf(tar === undefined)("become the published folders, and a second run has nothing to do", async () => {
    const output = join(folder, "whole");
    const steps: number[] = [];
    const report = await convertCsgo({
      input: tar ?? "",
      output,
      onProgress: ({ done, total }) => steps.push(done / total),
    });
    expect(report).toEqual({ written: 2, kept: 0, problems: [] });
    expect(steps.at(-1)).toBe(1);
    expect(readdirSync(join(output, "full_res", "1-200"))).toEqual([
      "hdf5_dm_july2021_1018.hdf5",
      "hdf5_dm_july2021_1865.hdf5",
    ]);
    const before = contents(output);
    expect(await convertCsgo({ input: tar ?? "", output })).toEqual({ written: 0, kept: 2, problems: [] });
    expect(contents(output)).toEqual(before);
  });

  test("a run that was killed goes on, and the result is the same to the byte", async () => {
    const input = join(folder, "tars");
    mkdirSync(input);
    const entries = [1, 2, 3].map((i) => ({ name: `./hdf5_dm_july2021_${i}.hdf5`, content: hdf5Like(200_000 + i) }));
    writeFileSync(join(input, archive), tarOf([{ name: "./", type: "5" }, ...entries]));
    const whole = join(folder, "whole-run");
    await convertCsgo({ input, output: whole });
    const killed = join(folder, "killed-run");
    const controller = new AbortController();
    const run = convertCsgo({ input, output: killed, signal: controller.signal, onProgress: () => controller.abort() });
    await expect(run).rejects.toThrow();
    // What a kill leaves that nobody can clean up behind.
    const leftover = join(killed, "full_res", "1-200", ".hdf5_dm_july2021_2.hdf5.999999999.abcd.tmp");
    writeFileSync(leftover, "half");
    writeFileSync(join(killed, "full_res", "1-200", "hdf5_dm_july2021_3.hdf5"), "too short");
    const report = await convertCsgo({ input, output: killed });
    expect(report.written + report.kept).toBe(3);
    expect(report.kept).toBeGreaterThan(0);
    expect(contents(killed)).toEqual(contents(whole));
  });

  test("entries that would leave the folder, links and foreign files are refused by name, the rest is unpacked", async () => {
    const input = join(folder, "evil");
    mkdirSync(input);
    const entries = [
      { name: "../escaped.hdf5", content: hdf5Like(10) },
      { name: "/tmp/absolute.hdf5", content: hdf5Like(10) },
      { name: "a/../../up.hdf5", content: hdf5Like(10) },
      { name: "link.hdf5", type: "2", link: "/etc/passwd" },
      { name: "hard.hdf5", type: "1", link: "/etc/passwd" },
      { name: "fifo.hdf5", type: "6" },
      { name: "notes.txt", content: Buffer.from("x") },
      { name: "foreign.hdf5", content: Buffer.from("this is no HDF5 file") },
      { name: "short.hdf5", content: Buffer.from("\x89HDF", "latin1") },
      { name: "inner/good.hdf5", content: hdf5Like(3000) },
      { name: "good.hdf5", content: hdf5Like(10) },
    ];
    writeFileSync(join(input, archive), tarOf(entries));
    const output = join(folder, "evil-out");
    const { written, problems } = await convertCsgo({ input, output });
    expect(written).toBe(1);
    const file = join(input, archive);
    expect(problems.map(({ message }) => message)).toEqual([
      `${file}: entry "../escaped.hdf5": leaves the folder; left out`,
      `${file}: entry "/tmp/absolute.hdf5": has an absolute path or one of another system; left out`,
      `${file}: entry "a/../../up.hdf5": leaves the folder; left out`,
      `${file}: entry "link.hdf5": is a link to "/etc/passwd"; left out`,
      `${file}: entry "hard.hdf5": is a link to "/etc/passwd"; left out`,
      `${file}: entry "fifo.hdf5": is no ordinary file; left out`,
      `${file}: entry "notes.txt": is no .hdf5 file; left out`,
      `${file}: entry "foreign.hdf5": is no HDF5 file; left out`,
      `${file}: entry "short.hdf5": is no HDF5 file; left out`,
      `${file}: entry "good.hdf5": occurs twice; left out`,
    ]);
    expect(readdirSync(output, { recursive: true }).map(String).sort()).toEqual([
      "full_res",
      "full_res/1-200",
      "full_res/1-200/good.hdf5",
    ]);
    await expect(convertCsgo({ input, output, strict: true })).rejects.toThrow("escaped.hdf5");
  });

  test("archives that are cut short or damaged are named, others are still unpacked, nothing half-written stays", async () => {
    const input = join(folder, "damaged");
    mkdirSync(input);
    const good = tarOf([{ name: "hdf5_dm_july2021_201.hdf5", content: hdf5Like(500) }]);
    writeFileSync(join(input, "hdf5_dm_july2021_201_to_400.tar"), good);
    const long = tarOf([{ name: "hdf5_dm_july2021_1.hdf5", content: hdf5Like(400_000) }]);
    writeFileSync(join(input, archive), long.subarray(0, 150_000));
    const broken = Buffer.from(good);
    broken.fill(0x20, 148, 156);
    writeFileSync(join(input, "hdf5_dm_july2021_401_to_600.tar"), broken);
    const output = join(folder, "damaged-out");
    const { written, problems } = await convertCsgo({ input, output });
    expect(written).toBe(1);
    expect(problems).toHaveLength(2);
    expect(problems[0]?.message).toMatch(/hdf5_dm_july2021_1_to_200\.tar at byte 150000: not a whole tar archive/);
    expect(problems[1]?.message).toMatch(/hdf5_dm_july2021_401_to_600\.tar at byte \d+: not a whole tar archive/);
    expect(readdirSync(join(output, "full_res", "1-200"))).toEqual([]);
    await expect(convertCsgo({ input: folder, output })).rejects.toThrow("holds no archive named as in the release");
  });
});

describe("RECON files", () => {
  const release = example("formats/recon_release");
  const processed = example("formats/recon_processed");
  const name = "jackal_2019-08-02-16-20-11_0_r00";

  test.skipIf(release === undefined || processed === undefined)(
    "become what the published script makes of them: the same pixels, positions and yaws",
    async () => {
      const output = join(folder, "recon");
      const report = await convertRecon({ input: release ?? "", output });
      expect(report).toEqual({ written: 2, kept: 0, problems: [] });
      const expected = join(processed ?? "", name);
      expect(readdirSync(join(output, name)).sort()).toEqual(readdirSync(expected).sort());
      for (const i of [0, 7, 15]) {
        const [ours, theirs] = await Promise.all(
          [output, processed ?? ""].map((at) => readImage(join(at, name, `${i}.jpg`))),
        );
        expect(largestDifference(ours?.data_HWC ?? [], theirs?.data_HWC ?? [])).toBe(0);
      }
      expect(await readTrajectory(join(output, name))).toEqual(await readTrajectory(expected));
      // Once more: nothing to do. One is lost and half of another is there: the same bytes again.
      const before = contents(output);
      expect(await convertRecon({ input: release ?? "", output })).toEqual({ written: 0, kept: 2, problems: [] });
      rmSync(join(output, name), { recursive: true });
      mkdirSync(join(output, `.${name}.partial`));
      writeFileSync(join(output, `.${name}.partial`, "99.jpg"), "half");
      expect(await convertRecon({ input: release ?? "", output })).toEqual({ written: 1, kept: 1, problems: [] });
      expect(contents(output)).toEqual(before);
    },
  );

  test.skipIf(release === undefined || lacks("numpy"))("Python reads the trajectory as numpy arrays", async () => {
    const output = join(folder, "recon-python");
    await convertRecon({ input: join(release ?? "", `${name}.hdf5`), output, images: "copy" });
    const out = await python(
      folder,
      `import pickle
data = pickle.load(open(args[0], "rb"))
assert list(data) == ["position", "yaw"] and data["yaw"].shape == (16, 1), data
out.update(data)`,
      join(output, name, "traj_data.pkl"),
    );
    const ours = await readTrajectory(join(output, name));
    expect(out.get("position")).toEqual({ dtype: "float64", shape: [16, 2], data: ours.position });
    expect(out.get("yaw")?.data).toEqual(ours.yaw);
    const { width } = await readImage(join(output, name, "0.jpg"));
    expect(width).toBe(640);
  });

  test.skipIf(release === undefined)(
    "unreadable files are skipped, counted and reported, or end a strict run",
    async () => {
      const input = join(folder, "recon-bad");
      mkdirSync(input);
      const file = join(release ?? "", `${name}.hdf5`);
      copyFileSync(file, join(input, "good.hdf5"));
      writeFileSync(join(input, "cut.hdf5"), readFileSync(file).subarray(0, 100_000));
      writeFileSync(join(input, "foreign.hdf5"), "text");
      const damaged = readFileSync(file);
      damaged.fill(0, damaged.indexOf(Buffer.from([0xff, 0xd8, 0xff, 0xe0])) + 20_000, 30_000); // inside of a JPEG file
      const jpeg = damaged.indexOf(Buffer.from([0xff, 0xd8, 0xff]));
      damaged.fill(0, jpeg, jpeg + 3);
      writeFileSync(join(input, "jpeg.hdf5"), damaged);
      const output = join(folder, "recon-bad-out");
      const { written, problems } = await convertRecon({ input, output });
      expect(written).toBe(1);
      expect(problems.map(({ message }) => basename(message.split(/[:,]/)[0] ?? "")).sort()).toEqual([
        "cut.hdf5",
        "foreign.hdf5",
        "jpeg.hdf5",
      ]);
      expect(problems.find(({ message }) => message.includes("jpeg"))?.message).toMatch(
        /dataset "images\/rgb_left"\[\d+\]/,
      );
      expect(readdirSync(output)).toEqual(["good"]);
      await expect(convertRecon({ input, output, strict: true })).rejects.toThrow("cut.hdf5");
      expect(existsSync(join(output, ".jpeg.partial"))).toBe(false);
      await expect(convertRecon({ input: output, output })).rejects.toThrow("holds no .hdf5 file");
    },
  );
});
