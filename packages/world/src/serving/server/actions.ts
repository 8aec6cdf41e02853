// Actions as clients send them: rows of one value per channel, each checked against its range, or refused.

import { type Channel, rowByName, rowProblem } from "../../data/action-space.js";
import type { Action } from "../protocol/messages.js";
import { ServingError } from "./serving-error.js";

/** The row of a client's action: what it leaves out is at rest. Throws `bad-action` for unknown channels and values out of range. */
export function clientRow(channels: readonly Channel[] | undefined, action: Action): readonly number[] {
  const { row = [], unknown } = { row: undefined, ...rowByName(channels ?? [], action) };
  const problem =
    unknown === undefined
      ? rowProblem(channels ?? [], row)
      : channels
        ? `this world has no channel "${unknown}"; it has ${channels.map(({ name }) => name).join(", ")}`
        : "this world cannot be acted in; send an empty action";
  if (problem !== undefined) throw new ServingError("bad-action", problem);
  return row;
}
