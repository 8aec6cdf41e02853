// Actions as clients send them (values by channel name) turned into rows of one value per channel, each checked against its range.

import { type Channel, restRow, rowProblem } from "../../data/action-space.js";
import type { Action } from "../protocol/messages.js";
import { ServingError } from "./serving-error.js";

/** The row of an action: what it leaves out is at rest. Throws `bad-action` for unknown channels and values out of range. */
export function actionRow(channels: readonly Channel[] | undefined, action: Action): readonly number[] {
  const names = (channels ?? []).map(({ name }) => name);
  const unknown = Object.keys(action).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new ServingError(
      "bad-action",
      channels
        ? `this world has no channel "${unknown}"; it has ${names.join(", ")}`
        : "this world cannot be acted in; send an empty action",
    );
  if (!channels) return [];
  const values = new Map(Object.entries(action));
  const row = restRow(channels).map((rest, i) => values.get(names[i] ?? "") ?? rest);
  const problem = rowProblem(channels, row);
  if (problem !== undefined) throw new ServingError("bad-action", problem);
  return row;
}
