// For tests only: writes small HDF5 files, so that what is wrong with one can be made as one likes.
import h5wasm from "h5wasm/node";

/** A dataset by its path: numbers with their shape, or texts. */
export type TestDataset =
  { readonly data: Uint8Array | Float64Array; readonly shape: readonly number[] } | readonly string[];

/** Writes a file with these datasets; `a/b` lies in group `a`. */
export async function writeTestHdf5(file: string, datasets: Readonly<Record<string, TestDataset>>): Promise<void> {
  await h5wasm.ready;
  const made = new h5wasm.File(file, "w");
  const groups = new Set<string>();
  for (const [path, content] of Object.entries(datasets)) {
    const [group, inner] = path.includes("/") ? (path.split("/") as [string, string]) : ["", path];
    if (group !== "" && !groups.has(group)) made.create_group(group);
    groups.add(group);
    const place = group === "" ? made : (made.get(group) as typeof made);
    if ("shape" in content) {
      const dtype = content.data instanceof Uint8Array ? "<B" : "<d";
      place.create_dataset({ name: inner, data: content.data, shape: [...content.shape], dtype });
    } else place.create_dataset({ name: inner, data: [...content] });
  }
  made.flush();
  made.close();
}
