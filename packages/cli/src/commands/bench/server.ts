// `vid2world bench server`: the server end to end over WebSocket, with many players at once.
import { Command } from "@commander-js/extra-typings";
import { report } from "../../bench/report.js";
import { runServer, showServer } from "../../bench/run-server.js";
import { wholeNumber } from "../whole-number.js";

/** Builds the command. */
export function serverCommand() {
  return new Command("server")
    .description("frames per second, latency and memory of a served world with 1, 4, 16 and 64 players")
    .option("--model <world>", "a built-in world, or the folder of one", "doom-live")
    .option("--players <n...>", "how many at once", ["1", "4", "16", "64"])
    .option("--seconds <n>", "seconds of play for each", wholeNumber("--seconds", 1), 15)
    .option("--json", "print the result as JSON")
    .option("--out <file>", "where the result goes (default: benchmarks/results/server.json)")
    .action(async ({ model, players, seconds, json, out }) => {
      const counts = players.map((text) => wholeNumber("--players", 1)(text));
      const onProgress = (text: string): void => void process.stderr.write(`${text}\n`);
      const result = await runServer({ model, players: counts, seconds, onProgress });
      await report("server", result, showServer(result), { json, out });
    });
}
