// Reads the original weights of a metric's network: every tensor that the network needs is in the file with the right shape, or the file is refused.
import { FormatError } from "@vid2world/formats";
import { type CheckpointMismatch, CheckpointMismatchError, empty, type Tensor } from "@vid2world/torch";
import { storedDType } from "../../checkpoints/fill-module.js";
import { openCheckpoint } from "../../checkpoints/open-checkpoint.js";

/** Tensors of a file by their original names; the caller frees them. */
export type NetworkTensors = Map<string, Tensor>;

/**
 * Reads the tensors named in `shapes` as float32. What else is in the file (a classifier) is left alone.
 * @throws CheckpointMismatchError that lists missing keys and wrong shapes; FormatError for a file that is damaged or not one of weights.
 */
export async function readNetworkTensors(
  file: string,
  shapes: ReadonlyMap<string, readonly number[]>,
): Promise<NetworkTensors> {
  await using checkpoint = await openCheckpoint(file).catch((cause: unknown) => {
    if (!(cause instanceof FormatError)) throw cause;
    const advice = "cannot be read as weights; get the right file with vid2world weights pull";
    throw new FormatError(file, `${advice} (${cause.message})`, undefined, { cause });
  });
  const missing = [...shapes.keys()].filter((key) => !checkpoint.tensors.has(key));
  const wrong = [...shapes].flatMap(([key, expected]) => {
    const found = checkpoint.tensors.get(key)?.shape;
    return found && String(found) !== String(expected) ? [{ key, found, expected }] : [];
  });
  if (missing.length + wrong.length > 0) throw misfit(file, { missing, unexpected: [], shapes: wrong });
  const tensors: NetworkTensors = new Map();
  try {
    for (const [key, shape] of shapes) {
      using stored = empty(shape, { dtype: storedDType(checkpoint, key) }).writeBytes(await checkpoint.read(key));
      tensors.set(key, stored.to("float32").clone());
      requireFinite(file, key, tensors.get(key) as Tensor);
    }
  } catch (error) {
    freeTensors(tensors);
    throw error;
  }
  return tensors;
}

/** Frees what `readNetworkTensors` returned. */
export function freeTensors(tensors: NetworkTensors): void {
  for (const tensor of tensors.values()) tensor.dispose();
  tensors.clear();
}

function requireFinite(file: string, key: string, tensor: Tensor): void {
  using finite = tensor.isfinite();
  using all = finite.all();
  if (all.item() === 1) return;
  throw new FormatError(file, `tensor ${JSON.stringify(key)} holds numbers that are not finite; fetch the file again`);
}

function misfit(file: string, facts: CheckpointMismatch): CheckpointMismatchError {
  const { missing, shapes } = facts;
  const lines = [
    ...missing.slice(0, 3).map((key) => `${key} is missing`),
    ...shapes
      .slice(0, 3)
      .map(({ key, found, expected }) => `${key} is [${found.join(", ")}], not [${expected.join(", ")}]`),
  ];
  const rest = missing.length + shapes.length - lines.length;
  const more = rest > 0 ? `; ${rest} more` : "";
  return new CheckpointMismatchError(
    `${file}: not the weights of this network: ${lines.join("; ")}${more}; get the right file with vid2world weights pull`,
    facts,
  );
}
