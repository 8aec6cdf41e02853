// What can be done in a world: named channels with a range and the keys that drive them, and how a row of values,
// one per channel, becomes the vector that a network sees.
//   T frames, A network inputs (a choice takes one per option, every other channel takes one)
import { invalid } from "@vid2world/formats";
import { z } from "zod";

const KEY_CODE =
  /^(Key[A-Z]|Digit[0-9]|Numpad([0-9]|Add|Subtract|Multiply|Divide|Decimal|Enter)|Arrow(Up|Down|Left|Right)|F([1-9]|1[0-2])|(Shift|Control|Alt|Meta)(Left|Right)|Space|Enter|Tab|Backspace|Minus|Equal|BracketLeft|BracketRight|Semicolon|Quote|Backquote|Comma|Period|Slash|Backslash|Page(Up|Down)|Home|End|Insert|Delete|Mouse(Left|Middle|Right|X|Y))$/;

const KEY_HELP =
  "use a KeyboardEvent.code such as KeyW, ArrowLeft or Space, or MouseLeft, MouseMiddle, MouseRight, MouseX, MouseY";

const common = {
  name: z.string().regex(/^[a-z][a-zA-Z0-9_]*$/, "must begin with a small letter and hold letters, digits and _"),
  description: z.string().optional(),
};

const continuousChannel = z.strictObject({
  ...common,
  kind: z.literal("continuous"),
  /** Smallest and largest value. */
  range: z.tuple([z.number(), z.number()]),
  /** What the value 1 means, for people. */
  unit: z.string().optional(),
  /** Value while nothing is pressed. */
  rest: z.number().default(0),
  /** Value while a key is pressed; for MouseX and MouseY: value per pixel moved to the right or down. */
  keys: z.record(z.string(), z.number()).default({}),
});

const binaryChannel = z.strictObject({
  ...common,
  kind: z.literal("binary"),
  keys: z.record(z.string(), z.literal(1)).default({}),
});

const choiceChannel = z.strictObject({
  ...common,
  kind: z.literal("choice"),
  /** Names of the options; a value is the number of an option, counted from 0, and 0 is what nothing pressed means. */
  options: z.array(z.string()).min(2),
  keys: z.record(z.string(), z.int()).default({}),
});

/** One channel of an action space. */
export const channelSchema = z.discriminatedUnion("kind", [continuousChannel, binaryChannel, choiceChannel]);

/** One channel: a continuous value in a range, on or off, or one of several options. */
export type Channel = z.infer<typeof channelSchema>;

/** All channels of an action space, in the order of the values of a row. */
export const channelsSchema = z
  .array(channelSchema)
  .min(1)
  .superRefine((channels, context) => {
    const report = (path: (string | number)[], message: string): void =>
      context.addIssue({ code: "custom", path, message });
    channels.forEach((channel, i) => {
      if (channels.findIndex(({ name }) => name === channel.name) !== i) {
        report([i, "name"], `"${channel.name}" is used twice`);
      }
      if (channel.kind === "continuous") {
        const [low, high] = channel.range;
        if (!(low < high)) report([i, "range"], `must rise, is ${low} to ${high}`);
        if (channel.rest < low || channel.rest > high) report([i, "rest"], `must be within ${low} to ${high}`);
      }
      for (const [key, value] of Object.entries(channel.keys)) {
        if (!KEY_CODE.test(key)) report([i, "keys"], `unknown key "${key}"; ${KEY_HELP}`);
        if (/^Mouse[XY]$/.test(key)) continue; // per pixel; the sum is clipped to the range
        const problem = valueProblem(channel, value);
        if (problem !== undefined) report([i, "keys", key], problem);
      }
    });
  });

/** A row: one value per channel, as stored in files. */
export type ActionRow = readonly number[];

/** Why a channel cannot have this value; undefined if it can. */
export function valueProblem(channel: Channel, value: number): string | undefined {
  switch (channel.kind) {
    case "continuous": {
      const [low, high] = channel.range;
      return value >= low && value <= high ? undefined : `${value} is outside of its range ${low} to ${high}`;
    }
    case "binary":
      return value === 0 || value === 1 ? undefined : `${value} is neither 0 nor 1`;
    case "choice": {
      const valid = Number.isInteger(value) && value >= 0 && value < channel.options.length;
      return valid ? undefined : `${value} is not one of the options 0 to ${channel.options.length - 1}`;
    }
  }
}

/** Why a row does not fit the channels; undefined if it does. */
export function rowProblem(channels: readonly Channel[], row: ActionRow): string | undefined {
  if (row.length !== channels.length) {
    const names = channels.map(({ name }) => name).join(", ");
    return `${row.length} values, but the action space has ${channels.length} channels (${names})`;
  }
  for (const [i, channel] of channels.entries()) {
    const problem = valueProblem(channel, row[i] ?? NaN);
    if (problem !== undefined) return `${channel.name} = ${problem}`;
  }
  return undefined;
}

/** A: how many numbers the network sees per frame. */
export function actionWidth(channels: readonly Channel[]): number {
  return channels.reduce((sum, channel) => sum + (channel.kind === "choice" ? channel.options.length : 1), 0);
}

/** Where each channel's numbers begin among those that the network sees. */
export function channelColumns(channels: readonly Channel[]): number[] {
  return channels.map((_, i) => actionWidth(channels.slice(0, i)));
}

/** Rows [T channels] -> network inputs [T A]: numbers as they are, choices as one of several ones (one-hot). */
export function encodeActions(channels: readonly Channel[], rows: readonly ActionRow[]): Float32Array {
  const width = actionWidth(channels);
  const actions_TA = new Float32Array(rows.length * width);
  rows.forEach((row, t) => {
    const problem = rowProblem(channels, row);
    if (problem !== undefined) throw invalid(`rows[${t}]`, "a value per channel, each in its range", problem);
    let column = t * width;
    channels.forEach((channel, i) => {
      const value = row[i] ?? 0;
      if (channel.kind === "choice") {
        actions_TA[column + value] = 1;
        column += channel.options.length;
      } else {
        actions_TA[column++] = value;
      }
    });
  });
  return actions_TA;
}

/** The row while nothing is pressed. */
export function restRow(channels: readonly Channel[]): number[] {
  return channels.map((channel) => (channel.kind === "continuous" ? channel.rest : 0));
}

/** The row of values by channel name, what is left out at rest; or the first name that is none of the channels'. */
export function rowByName(
  channels: readonly Channel[],
  values: Readonly<Record<string, number>>,
): { readonly row: number[]; readonly unknown?: undefined } | { readonly unknown: string } {
  const given = new Map(Object.entries(values)); // a channel may be called "constructor"
  const names = channels.map(({ name }) => name);
  const unknown = [...given.keys()].find((name) => !names.includes(name));
  if (unknown !== undefined) return { unknown };
  return { row: restRow(channels).map((rest, i) => given.get(names[i] ?? "") ?? rest) };
}

/** The row while these keys are held (mouse movement excluded). Opposite keys cancel; of several choices the last wins. */
export function rowOfKeys(channels: readonly Channel[], held: ReadonlySet<string>): number[] {
  return channels.map((channel) => {
    const values = Object.entries(channel.keys)
      .filter(([key]) => held.has(key) && !/^Mouse[XY]$/.test(key))
      .map(([, value]) => value);
    if (channel.kind === "binary") return values.length > 0 ? 1 : 0;
    if (channel.kind === "choice") return values.at(-1) ?? 0;
    const distinct = [...new Set(values)]; // KeyW and ArrowUp together are not twice as fast
    const sum = distinct.reduce((total, value) => total + value - channel.rest, channel.rest);
    return Math.min(channel.range[1], Math.max(channel.range[0], sum));
  });
}
