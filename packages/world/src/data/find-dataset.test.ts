// Data sets are found by the names of their files, also from folders above them; what is none yet is named with what to do.
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { findDataset, whatElse } from "./find-dataset.js";
import { temporaryFolder } from "./testing/oracle.js";

const folder = temporaryFolder();

/** A new folder with empty files. */
function folderOf(name: string, files: readonly string[]): string {
  for (const file of files) {
    mkdirSync(dirname(join(folder, name, file)), { recursive: true });
    writeFileSync(join(folder, name, file), "");
  }
  return join(folder, name);
}

it.each([
  ["recordings", "", "actions.json"],
  ["recordings", "bridge", "bridge/actions.json"],
  ["rt1", "", "train_eps_00000000.npz"],
  ["rt1", "fractal20220817_data", "fractal20220817_data/train_eps_00000000.npz"],
  ["csgo", "", "full_res/1-200/hdf5_dm_july2021_1.hdf5"],
  ["recon", "", "jackal_0/traj_data.pkl"],
  ["recon", "recon", "recon/jackal_0/traj_data.pkl"],
] as const)("finds %s in %j by %s", async (domain, inner, file) => {
  const root = folderOf(`${domain}-${inner}`, [file]);
  expect(await findDataset(root)).toEqual({ domain, folder: join(root, inner) });
});

it("asks which one where there are several, and passes over what was put aside and hidden", async () => {
  const root = folderOf("several", ["a/x.npz", "a-quarantine/y.npz", ".cache/z.npz"]);
  expect(await findDataset(root)).toEqual({ domain: "rt1", folder: join(root, "a") });
  folderOf("several", ["b/actions.json"]);
  await expect(findDataset(root)).rejects.toThrow(/several: holds 2 data sets; give one of them: a, b/);
});

it("follows links, and takes no trajectory alone for RECON", async () => {
  const trajectory = folderOf("one", ["traj_data.pkl"]);
  expect(await findDataset(trajectory)).toBeUndefined();
  const links = folderOf("links", ["readme.txt"]);
  symlinkSync(trajectory, join(links, "jackal_0"));
  expect(await findDataset(links)).toEqual({ domain: "recon", folder: links });
});

it.each([
  ["convert rt1", "fractal/0.1.0/dataset_info.json"],
  ["convert csgo", "hdf5_dm_july2021_1_to_200.tar"],
  ["convert recon", "jackal_0.hdf5"],
  ["import folder", "monday.mp4"],
  ["import lerobot", "meta/info.json"],
])("says that what has to be made a data set is: data %s", async (command, file) => {
  const root = folderOf(command, [file]);
  expect(await findDataset(root)).toBeUndefined();
  expect(await whatElse(root)).toContain(`vid2world data ${command}`);
});

it("names what is unknown or absent", async () => {
  expect(await whatElse(folderOf("unknown", ["a/b.txt"]))).toMatch(/no training data that is known/);
  await expect(findDataset(join(folder, "none"))).rejects.toThrow(/none: there is no such folder/);
  await expect(findDataset(join(folder, "unknown/a/b.txt"))).rejects.toThrow(/b\.txt: is no folder/);
});
