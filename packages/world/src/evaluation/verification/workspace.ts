// What one case has to work with: recorded tensors and modules on the wanted device, all freed when the case ends.
import { basename } from "node:path";

import { FormatError } from "@vid2world/formats";
import {
  initializing,
  keep,
  loadSafetensors,
  type Device,
  type DType,
  type Module,
  type Tensor,
} from "@vid2world/torch";

/** Tensors of one or more recorded files, by name. */
export interface RecordedTensors {
  readonly names: readonly string[];
  find(name: string): Tensor | undefined;
  /** Throws a FormatError that names the file where there is no such tensor. */
  get(name: string): Tensor;
  /** Those whose names start with `prefix`, without the prefix. */
  below(prefix: string): Map<string, Tensor>;
}

/** The resources of one case. */
export interface Workspace extends Disposable {
  readonly device: Device;
  /** What networks compute in; recorded tensors are as stored. */
  readonly dtype: DType;
  /** Memory order of feature maps. */
  readonly memoryFormat: "channelsLast" | "contiguous";
  /** Reads files of tensors onto the device; where a name occurs twice the later file wins. */
  load(files: string | readonly string[], filter?: (name: string) => boolean): Promise<RecordedTensors>;
  /** Frees a tensor when the case ends: for what has to live across an await, where no scope can. */
  own<T extends Tensor>(tensor: T): T;
  /** Builds a module of the workspace's dtype and device, in evaluation mode, with these values under our names. */
  build<M extends Module>(build: () => M, state: ReadonlyMap<string, Tensor>, from: string): M;
}

/** How cases are computed. */
export type WorkspaceOptions = Pick<Workspace, "device" | "dtype" | "memoryFormat">;

/** Opens a workspace; dispose it when the case is over. */
export function openWorkspace(options: WorkspaceOptions): Workspace {
  const { device, dtype } = options;
  const owned: Tensor[] = [];
  return {
    ...options,
    async load(given, filter) {
      const files = typeof given === "string" ? [given] : given;
      const tensors = new Map<string, Tensor>();
      for (const file of files) {
        const loaded = await loadSafetensors(file, { device, ...(filter && { filter }) });
        owned.push(...loaded.values());
        for (const [name, tensor] of loaded) tensors.set(name, tensor);
      }
      return recordedTensors(tensors, files.map((file) => basename(file)).join(" + "));
    },
    own(tensor) {
      owned.push(keep(tensor));
      return tensor;
    },
    build(build, state, from) {
      const module = initializing({ device, dtype, random: false }, build);
      owned.push(...module.stateDict().values());
      return module.loadStateDict(state, { from }).eval();
    },
    [Symbol.dispose]() {
      for (const tensor of owned.splice(0)) tensor.dispose();
    },
  };
}

function recordedTensors(tensors: ReadonlyMap<string, Tensor>, file: string): RecordedTensors {
  return {
    names: [...tensors.keys()],
    find: (name) => tensors.get(name),
    get(name) {
      const tensor = tensors.get(name);
      if (tensor === undefined) throw new FormatError(file, `there is no tensor ${name}`);
      return tensor;
    },
    below: (prefix) =>
      new Map([...tensors].flatMap(([name, x]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), x]] : []))),
  };
}
