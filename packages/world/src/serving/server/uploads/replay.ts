// A session file as the beginning of a session that makes its nodes again: order, actions and settings of all are checked before any is drawn.

import { rowProblem } from "../../../data/action-space.js";
import type { EngineWorld } from "../../engine.js";
import type { SessionFile } from "../../protocol/messages.js";
import { ServingError } from "../serving-error.js";
import { settingsProblem } from "../settings.js";
import type { UploadedStart } from "./upload-store.js";

/** How a session file is played again in this world. Throws `bad-upload` where it does not fit. */
export function replayOf(file: SessionFile, frames: Uint8Array, world: EngineWorld, mostFrames: number): UploadedStart {
  const { start, nodes, seed, current } = file;
  const given = start.frames.length;
  const { channels = [] } = world;
  const check = (holds: boolean, problem: string): void => {
    if (!holds) throw new ServingError("bad-upload", `this session cannot be played here: ${problem}`);
  };
  check(file.world.name === world.name, `it was played in "${file.world.name}", this is "${world.name}"`);
  check(given + nodes.length <= mostFrames, `it has ${nodes.length} frames; a session here holds ${mostFrames}`);
  const rows = start.actions ?? [];
  check(rows.length === 0 || rows.length === given - 1, `${rows.length} actions between ${given} first frames`);
  const row = (values: readonly number[], where: string): void => {
    const problem = channels.length === 0 && values.length === 0 ? undefined : rowProblem(channels, values);
    check(problem === undefined, `${where}: ${problem ?? ""}`);
  };
  rows.forEach((values, k) => row(values, `start.actions[${k}]`));
  nodes.forEach(({ node, parent, action = [], settings }, i) => {
    check(node === given + i && parent !== undefined && parent < node, `node ${node} is out of order`);
    row(action, `node ${node}`);
    const problem = settingsProblem(settings ?? {}, world);
    check(problem === undefined, `node ${node}: ${problem ?? ""}`);
  });
  check(current < given + nodes.length, `its current node ${current} is none of its own`);
  return {
    start: { frames, seed, ...(rows.length > 0 && { actions: rows }) },
    ...(start.gallery !== undefined && { gallery: start.gallery }),
    truthFrames: 0,
    script: nodes,
    scriptEnd: current,
  };
}
