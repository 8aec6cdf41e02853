// Ranks that are processes of their own, on one machine or many: Gloo carries numbers (and everything, on CPU), NCCL what lies on GPUs.
import { invalid } from "@vid2world/formats";
import { cuda, initProcessGroup, keep, tensor } from "@vid2world/torch";
import type { Device, ProcessGroup, Tensor } from "@vid2world/torch";
import type { Ranks } from "./ranks.js";

/** A process's place among the ranks of a job, as launchers give it. */
export interface RankPlace {
  readonly rank: number;
  readonly count: number;
  /** Position among the ranks of this machine: which GPU is this rank's. Absent: by the rank and the number of GPUs. */
  readonly localRank?: number | undefined;
  /** Where rank 0 listens. */
  readonly masterAddr: string;
  readonly masterPort: number;
  /** Seconds that ranks wait for each other. Default 1800. */
  readonly timeout?: number;
}

/** Ranks in processes of their own, which have to be left. */
export interface ProcessRanks extends Ranks {
  /** The device of this rank. */
  readonly device: Device;
  /** Leaves when all ranks are done. */
  close(): Promise<void>;
  /** Leaves because of a failure, and tells the other ranks the reason. */
  fail(reason: string): Promise<void>;
}

/**
 * The place that the environment gives by RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, as torchrun sets them; undefined where
 * it names no other rank. Where torchrun itself listens at the port (TORCHELASTIC_USE_AGENT_STORE), with a store that only PyTorch of its
 * own version is sure to understand, the ranks meet at the next one.
 */
export function rankPlace(environment: Readonly<Record<string, string | undefined>>): RankPlace | undefined {
  const number = (name: string): number | undefined => {
    const text = environment[name];
    if (text === undefined || text === "") return undefined;
    if (!/^\d+$/.test(text)) throw invalid(name, "a whole number", text);
    return Number(text);
  };
  const [rank, count, masterPort] = [number("RANK"), number("WORLD_SIZE"), number("MASTER_PORT")];
  if (count === undefined && rank === undefined) return undefined;
  const missing = ["RANK", "WORLD_SIZE"].filter((name) => number(name) === undefined);
  if (missing.length > 0)
    throw invalid(missing.join(" and "), "a number, as the other of RANK and WORLD_SIZE", "nothing");
  if (count === 1) return undefined;
  const masterAddr = environment["MASTER_ADDR"];
  if (!masterAddr || masterPort === undefined) {
    const absent = [...(masterAddr ? [] : ["MASTER_ADDR"]), ...(masterPort === undefined ? ["MASTER_PORT"] : [])];
    throw invalid(absent.join(" and "), `where rank 0 of ${count} ranks listens`, "nothing");
  }
  const taken = environment["TORCHELASTIC_USE_AGENT_STORE"] === "True";
  return {
    ...{ rank: rank as number, count: count as number, localRank: number("LOCAL_RANK"), masterAddr },
    masterPort: taken ? masterPort + 1 : masterPort,
  };
}

/** Joins the other ranks. `device` is that of the configuration: of several GPUs each rank takes its own. */
export async function joinRanks(place: RankPlace, device: string): Promise<ProcessRanks> {
  const { rank, count, masterAddr, masterPort, timeout = 1800 } = place;
  const numbers = await initProcessGroup({ rank, worldSize: count, masterAddr, masterPort, timeout });
  try {
    if (device.startsWith("cuda:")) throw invalid("training.device", "cuda: each rank takes a GPU of its own", device);
    const own = device === "cuda" ? ownGpu(place) : (device as Device);
    const tensors = own.startsWith("cuda") ? await numbers.beside("nccl") : numbers;
    return createRanks(numbers, tensors, own);
  } catch (error) {
    await numbers.fail((error as Error).message);
    throw error;
  }
}

function ownGpu({ rank, localRank }: RankPlace): Device {
  const gpus = cuda.deviceCount();
  if (gpus === 0) throw invalid("training.device", "cpu, where there is no GPU", "cuda");
  const own = localRank ?? rank % gpus;
  if (own >= gpus) throw invalid("LOCAL_RANK", `less than the ${gpus} GPUs of this machine`, own);
  return `cuda:${own}`;
}

function createRanks(numbers: ProcessGroup, tensors: ProcessGroup, device: Device): ProcessRanks {
  const { rank, size: count } = numbers;
  const sum = async (values: readonly number[]): Promise<readonly number[]> => {
    if (values.length === 0) return values;
    using total = keep(tensor(values, { dtype: "float64" }));
    await numbers.allReduce(total);
    return total.toNumbers();
  };
  return {
    ...{ rank, count, device, sum },
    reducer: (parameters) => tensors.gradientSums(parameters),
    async agree({ stop, minutes, save }) {
      const [stops = 0, agreed = 0, saves = 0] = await sum([
        Number(stop),
        ...(rank === 0 ? [minutes, Number(save)] : [0, 0]),
      ]);
      return { stop: stops > 0, minutes: agreed, save: saves > 0 };
    },
    share: async (values: readonly Tensor[], root = 0) => {
      await Promise.all(values.map((value) => (value.device === "cpu" ? numbers : tensors).broadcast(value, { root })));
    },
    barrier: () => numbers.barrier(),
    rootFirst: (body) => numbers.rootFirst(body),
    close: () => numbers.close(),
    fail: (reason) => numbers.fail(reason),
  };
}
