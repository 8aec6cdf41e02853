// What is reached by keys, in lines for people: for the hint over the picture and for Help.
import { type Stick, type Surface, isNamedAfterKeys } from "./surface.js";

/** Keys that belong together and what they do. */
export interface KeyLine {
  /** One entry per direction or option: the keys that do the same, the usual one first. */
  readonly keys: readonly (readonly string[])[];
  /** Empty: the keys say it themselves. */
  readonly label: string;
}

/** The keys of a surface: up before down, left before right, as they lie on the keyboard. Those that are named after their keys share a line. */
export function keyLines({ sticks, buttons, choices }: Surface): KeyLine[] {
  const lines = [
    ...sticks.flatMap(stickLines),
    ...buttons.map(({ keys, label }) => ({ keys: [keys], label: keys[0] === label ? "" : label })),
    ...choices.map(({ keys, label }) => ({ keys, label })),
  ]
    .map(({ keys, label }) => ({ keys: keys.filter((some) => some.length > 0), label }))
    .filter(({ keys }) => keys.length > 0);
  const silent = lines.filter(({ label }) => label === "").flatMap(({ keys }) => keys);
  return [...(silent.length > 0 ? [{ keys: silent, label: "" }] : []), ...lines.filter(({ label }) => label !== "")];
}

/** Both axes of a stick on one line, where they have one name. */
function stickLines({ label, x, y }: Stick): KeyLine[] {
  const [[down, up], [left, right]] = [y?.keys ?? [[], []], x?.keys ?? [[], []]];
  if (x && y && [x, y].every(isNamedAfterKeys)) return [{ keys: [up, left, down, right], label: "" }];
  if (x && y && label !== `${y.label}, ${x.label}`) return [{ keys: [up, left, down, right], label }];
  const labelOf = (axis: typeof x): string => (axis === undefined || isNamedAfterKeys(axis) ? "" : axis.label);
  return [
    { keys: [up, down], label: labelOf(y) },
    { keys: [left, right], label: labelOf(x) },
  ];
}
