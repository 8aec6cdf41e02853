// What a report says about where it was made: the command, versions, the machine, the moment.
import { getNumThreads, libtorchVersion } from "@vid2world/torch";
import { circumstances } from "./bench/circumstances.js";

/** The exact command, versions and machine, for the last section of a page. */
export function madeHere(argv: readonly string[] = process.argv.slice(2)): [name: string, value: string][] {
  const { date, commit, processor, cores, threads, node, libtorch } = circumstances(getNumThreads(), {
    libtorch: libtorchVersion,
  });
  const quoted = argv.map((word) => (/^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`));
  return [
    ["command", `vid2world ${quoted.join(" ")}`],
    ["made", date],
    ["commit", commit],
    ["versions", `Node ${node}, libtorch ${libtorch}`],
    ["machine", `${cores} x ${processor}, ${threads} threads`],
  ];
}
