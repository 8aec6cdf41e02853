// Process groups: several processes, each with its rank, that exchange tensors through libtorch's own collectives (Gloo on CPU, NCCL on
// CUDA). Nothing here blocks JavaScript: a collective starts at once and its promise resolves when it has ended.
import { invalid } from "@vid2world/formats";
import { native, scratch, type NativeGroup } from "./binding.js";
import { ProcessGroupError } from "./errors.js";
import { cat, emptyLike } from "./generated/ops.js";
import { rendezvous, type Rendezvous } from "./rendezvous.js";
import { keep, scope } from "./scope.js";
import type { Tensor } from "./tensor.js";

/** How tensors travel. */
export type Backend = "gloo" | "nccl";
/** How elements of several ranks become one; by libtorch's codes. */
const REDUCTIONS = { sum: 0, product: 2, min: 3, max: 4 } as const;
/** How elements of several ranks become one. */
export type Reduction = keyof typeof REDUCTIONS;

/** Which rank of how many this process is, and where they meet. */
export interface ProcessGroupOptions {
  /** 0 <= rank < worldSize. Rank 0 serves the store in which all meet. */
  readonly rank: number;
  readonly worldSize: number;
  readonly masterAddr: string;
  readonly masterPort: number;
  /** Seconds that ranks wait for each other, at the start and in every collective. Default 600. */
  readonly timeout?: number;
  /** Default "gloo". */
  readonly backend?: Backend;
  /** Name of the network interface of Gloo, as GLOO_SOCKET_IFNAME for PyTorch. Default: the one of this host's name. */
  readonly networkInterface?: string | undefined;
}

/** The backends that the loaded addon has: none where libtorch was built without c10d, "nccl" only on CUDA. */
export const availableBackends = (): readonly Backend[] => native.backends() as Backend[];

/** Gradients of some parameters, summed over all ranks while backward runs. */
export interface GradientSums {
  /** Called before the last backward pass of a step: each gradient travels as soon as backward has completed it. */
  start(): void;
  /**
   * Resolves when all gradients are sums over all ranks. Parameters that only some ranks have used count as zero on the others; those that
   * no rank has used in the first step stay without a gradient until one does.
   */
  finish(): Promise<void>;
}

/** Several processes that exchange tensors. All ranks must call the same methods in the same order with tensors of the same shapes. */
export interface ProcessGroup {
  readonly rank: number;
  readonly size: number;
  readonly backend: Backend;
  /** Replaces the elements by their sum (or another reduction) over all ranks, equal to the bit on all of them. */
  allReduce(tensor: Tensor, options?: { readonly op?: Reduction }): Promise<void>;
  /** Overwrites the tensor with that of rank `root` (default 0). */
  broadcast(tensor: Tensor, options?: { readonly root?: number }): Promise<void>;
  /** The tensors of all ranks, in their order: new ones, outside of every scope. */
  allGather(tensor: Tensor): Promise<Tensor[]>;
  /** The sum over all ranks of element `rank` of `tensors`, of which there is one for each rank: a new one, outside of every scope. */
  reduceScatter(tensors: readonly Tensor[]): Promise<Tensor>;
  /** Resolves when all ranks have called it. */
  barrier(): Promise<void>;
  /** Hooks the parameters (which must not be hooked twice). `bucketBytes`: gradients travel in pieces of this size, default 25 MiB. */
  gradientSums(parameters: readonly Tensor[], options?: { readonly bucketBytes?: number }): GradientSums;
  /** Runs `body` on rank 0, and when that is done on the others. They wait as long as it takes, if only rank 0 is alive. */
  rootFirst<T>(body: () => Promise<T>): Promise<T>;
  /** A second group of the same ranks, which ends with this one: NCCL for gradients beside Gloo for a few numbers, say. */
  beside(backend: Backend): Promise<ProcessGroup>;
  /** Leaves when all ranks are done. */
  close(): Promise<void>;
  /** Leaves because of a failure, and tells the other ranks the reason. */
  fail(reason: string): Promise<void>;
}

/**
 * Joins a process group; resolves when all ranks have come. A ProcessGroupError names the ranks that did not come in time, and later
 * rejects every pending collective when a rank is gone, saying which.
 * @example const group = await initProcessGroup({ rank: 0, worldSize: 2, masterAddr: "127.0.0.1", masterPort: 29500 });
 */
export async function initProcessGroup(options: ProcessGroupOptions): Promise<ProcessGroup> {
  const { rank, worldSize: size, masterAddr: host, masterPort: port, timeout = 600, backend = "gloo" } = options;
  if (!(Number.isInteger(size) && size >= 1)) throw invalid("worldSize", "a whole number >= 1", size);
  if (!(Number.isInteger(rank) && rank >= 0 && rank < size)) throw invalid("rank", `0 to ${size - 1}`, rank);
  if (!(port > 0 && port < 65536)) throw invalid("masterPort", "1 to 65535", port);
  if (!(timeout > 0)) throw invalid("timeout", "seconds > 0", timeout);
  checkBackend(backend);
  const place = await rendezvous({ rank, size, host, port, timeout });
  const open = async (name: Backend, beside: string): Promise<ProcessGroup> => {
    checkBackend(name);
    // On one machine nothing should depend on what its name resolves to.
    const address = host === "localhost" || host.startsWith("127.") ? "127.0.0.1" : "";
    const device = options.networkInterface ?? process.env["GLOO_SOCKET_IFNAME"] ?? "";
    try {
      const opened = native.openGroup(place.store, beside, name, rank, size, address, device, timeout * 1000);
      const group = await place.guard(opened);
      return createGroup(group, { rank, size, backend: name }, place, (other) => open(other, `${beside}+${other}`));
    } catch (error) {
      await place.leave((error as Error).message);
      throw error;
    }
  };
  return open(backend, backend);
}

function checkBackend(backend: Backend): void {
  const found = availableBackends();
  if (found.includes(backend)) return;
  const has = found.join(", ") || "none";
  throw new ProcessGroupError(
    `this libtorch has no ${backend} (it has: ${has}); use another backend or another libtorch`,
  );
}

type Facts = Pick<ProcessGroup, "rank" | "size" | "backend">;

function createGroup(
  group: NativeGroup,
  facts: Facts,
  place: Rendezvous,
  open: (backend: Backend) => Promise<ProcessGroup>,
): ProcessGroup {
  const { rank, size, backend } = facts;
  let turns = 0;
  const run = (what: string, tensors: readonly Tensor[], argument = 0): Promise<void> => {
    tensors.forEach((tensor, i) => (scratch[i] = tensor.handle));
    return place.guard(native.collective(group, what, tensors.length, argument));
  };
  const allReduce: ProcessGroup["allReduce"] = (tensor, { op = "sum" } = {}) =>
    run("allReduce", [tensor], REDUCTIONS[op]);

  return {
    ...facts,
    allReduce,
    broadcast: (tensor, { root = 0 } = {}) => run("broadcast", [tensor], root),
    async allGather(tensor) {
      const gathered = Array.from({ length: size }, () => keep(emptyLike(tensor)));
      await run("allGather", [...gathered, tensor]);
      return gathered;
    },
    async reduceScatter(tensors) {
      if (tensors.length !== size) throw invalid("tensors", `one for each of ${size} ranks`, tensors.length);
      const own = tensors[rank] as Tensor;
      if (backend === "nccl") {
        const sum = keep(emptyLike(own));
        await run("reduceScatter", [...tensors, sum]);
        return sum;
      }
      // Gloo has no such collective in every version: the sum of everything, of which one part is kept.
      const all = keep(scope(() => cat(tensors.map((tensor) => tensor.flatten()))));
      await allReduce(all);
      const start = tensors.slice(0, rank).reduce((sum, { numel }) => sum + numel, 0);
      const sum = scope(() => keep(all.narrow(0, start, own.numel).clone().reshape(own.shape)));
      all.dispose();
      return sum;
    },
    barrier: () => run("barrier", []),
    gradientSums(parameters, { bucketBytes = 25 * 2 ** 20 } = {}) {
      if (parameters.length === 0) throw invalid("parameters", "at least one", 0);
      parameters.forEach((parameter, i) => (scratch[i] = parameter.handle));
      const reducer = native.createReducer(group, parameters.length, bucketBytes);
      return {
        start: () => {
          native.reducerStart(reducer);
        },
        finish: () => place.guard(native.reducerFinish(reducer)),
      };
    },
    async rootFirst(body) {
      const turn = `turn ${backend} ${turns++}`;
      if (rank !== 0) await place.passed(turn, 0);
      const result = await body();
      if (rank === 0) await place.pass(turn);
      return result;
    },
    beside: open,
    async close() {
      await run("barrier", []);
      await place.leave();
      await native.closeGroup(group);
    },
    fail: (reason) => place.leave(reason),
  };
}
