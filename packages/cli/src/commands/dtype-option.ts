// The option --dtype of commands that load weights.
import { Option } from "@commander-js/extra-typings";

/** `--dtype float32|float16|bfloat16`: how weights are kept in memory; absent: as they are stored. */
export const dtypeOption = () =>
  new Option("--dtype <type>", "type of the weights in memory").choices(["float32", "float16", "bfloat16"] as const);
