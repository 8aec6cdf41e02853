// Optimiser state split over ranks (ZeRO stage 1, arXiv:1910.02054): each rank keeps the moments of some parameters, updates those, and
// sends them to the others. A checkpoint still holds everything, so that any number of ranks can go on from it.
import { cat, keep, noGrad, scope, tensor, zerosLike } from "@vid2world/torch";
import type { AdamW, Parameter, Tensor } from "@vid2world/torch";
import type { Stateful } from "./checkpoints.js";
import type { TrainedGroup } from "./parameter-groups.js";
import type { Ranks } from "./ranks.js";

/** Names of what AdamW keeps for a parameter besides its count of steps. */
const MOMENTS = ["firstMoment", "secondMoment"] as const;
/** Elements that travel together at most, but for larger parameters: bounds the memory of a copy. */
const PIECE = 2 ** 22;

/** The rank that keeps the state of each parameter: large parameters first, each to the rank that has least. */
export function ownersOf(groups: readonly TrainedGroup[], count: number): Map<string, number> {
  const sizes = groups.flatMap(({ parameters }) => [...parameters].map(([name, { numel }]) => ({ name, numel })));
  const loads = Array.from({ length: count }, () => 0);
  const owners = new Map<string, number>();
  for (const { name, numel } of sizes.sort((a, b) => b.numel - a.numel)) {
    const owner = loads.indexOf(Math.min(...loads));
    owners.set(name, owner);
    loads[owner] = (loads[owner] as number) + numel;
  }
  return owners;
}

/** The same groups with only one rank's parameters; groups may become empty, but stay in their places. */
export function shardOf(
  groups: readonly TrainedGroup[],
  owners: ReadonlyMap<string, number>,
  rank: number,
): TrainedGroup[] {
  return groups.map((group) => ({
    ...group,
    parameters: new Map([...group.parameters].filter(([name]) => owners.get(name) === rank)),
  }));
}

/** The state of an optimiser that has one shard on each rank. All ranks must call the methods that return promises. */
export interface ShardedState extends Stateful {
  /** Sends every parameter from the rank that has updated it to the others. */
  spread(): Promise<void>;
  /** Brings the whole state to rank 0, on its CPU, for the `stateDict` calls that follow there. */
  gather(): Promise<void>;
  /** Frees what was gathered. */
  release(): void;
}

/** Joins the shards of `optimizer`, which on each rank has that rank's parameters. */
export function shardedState(
  optimizer: AdamW,
  groups: readonly TrainedGroup[],
  owners: ReadonlyMap<string, number>,
  ranks: Ranks,
): ShardedState {
  const parameters = new Map<string, Parameter>(groups.flatMap((group) => [...group.parameters]));
  const isOwn = (name: string): boolean => owners.get(name) === ranks.rank;
  const pieces = piecesOf(parameters, owners);
  let gathered = new Map<string, Tensor>();
  const release = (): void => {
    for (const value of gathered.values()) value.dispose();
    gathered = new Map();
  };

  return {
    async spread() {
      for (const { owner, members } of pieces) {
        // The same on all ranks, though only the owner's values travel: it has the size and type to receive them.
        const all = noGrad(() => keep(scope(() => cat(members.map((parameter) => parameter.detach().flatten())))));
        await ranks.share([all], owner);
        if (owner !== ranks.rank) noGrad(() => scope(() => unpack(all, members)));
        all.dispose();
      }
    },
    async gather() {
      release();
      const own = optimizer.stateDict();
      const names = [...parameters.keys()];
      const steps = await ranks.sum(
        names.map((name) => (isOwn(name) ? (own.get(`${name}.step`) as Tensor).item() : 0)),
      );
      for (const [i, [name, parameter]] of [...parameters].entries()) {
        const step = tensor(steps[i] ?? 0, { dtype: "int64" });
        gathered.set(`${name}.step`, step);
        for (const moment of MOMENTS) {
          const key = `${name}.${moment}`;
          const value = own.get(key) ?? noGrad(() => zerosLike(parameter));
          await ranks.share([value], owners.get(name));
          // Other ranks only pass it on; one tensor at a time keeps their memory small.
          if (ranks.rank === 0)
            gathered.set(
              key,
              scope(() => value.detach().to("cpu").clone()),
            );
          if (!isOwn(name)) value.dispose();
        }
      }
    },
    release,
    stateDict: () => new Map(gathered),
    loadStateDict(saved) {
      const known = new Set(
        [...parameters.keys()].flatMap((name) => ["step", ...MOMENTS].map((part) => `${name}.${part}`)),
      );
      // What belongs to no parameter at all goes along, so that the optimiser's own check names it.
      const mine = [...saved].filter(([key]) => !known.has(key) || isOwn(key.slice(0, key.lastIndexOf("."))));
      optimizer.loadStateDict(new Map(mine));
    },
  };
}

/** Parameters of one owner, device and type that travel together. */
interface Piece {
  readonly owner: number;
  readonly members: readonly Parameter[];
}

function piecesOf(parameters: ReadonlyMap<string, Parameter>, owners: ReadonlyMap<string, number>): Piece[] {
  const byOwner = new Map<number, Parameter[]>();
  for (const [name, parameter] of parameters) {
    const owner = owners.get(name) ?? 0;
    byOwner.set(owner, [...(byOwner.get(owner) ?? []), parameter]);
  }
  const pieces: Piece[] = [];
  for (const [owner, members] of [...byOwner].sort(([a], [b]) => a - b)) {
    const open = new Map<string, { members: Parameter[]; elements: number }>();
    for (const parameter of members) {
      const key = `${parameter.device} ${parameter.dtype}`;
      let piece = open.get(key);
      if (piece === undefined || piece.elements + parameter.numel > PIECE) {
        piece = { members: [], elements: 0 };
        open.set(key, piece);
        pieces.push({ owner, members: piece.members });
      }
      piece.members.push(parameter);
      piece.elements += parameter.numel;
    }
  }
  return pieces;
}

function unpack(all: Tensor, members: readonly Parameter[]): void {
  let offset = 0;
  for (const parameter of members) {
    parameter.copy_(all.narrow(0, offset, parameter.numel).view(parameter.shape));
    offset += parameter.numel;
  }
}
