// What can be wrong with actions alone: numbers that are none, values out of range, channels and clips that never change.
import type { Survey, SurveyEpisode } from "./survey.js";

/** Clips shorter than this may well hold one action only. */
const LEAST_FRAMES = 20;

/** The first row with a value that is no finite number. */
export function notFinite({ channels }: Survey, { file, actions }: SurveyEpisode): string | undefined {
  for (const [t, row] of actions.entries()) {
    const i = row.findIndex((value) => !Number.isFinite(value));
    if (i >= 0) return `${file}: row ${t}: ${channels[i]?.name ?? `action ${i}`} is ${row[i]}`;
  }
  return undefined;
}

/** The first row with a value outside of the range that its channel declares. */
export function outOfRange({ channels }: Survey, { file, actions }: SurveyEpisode): string | undefined {
  for (const [t, row] of actions.entries()) {
    for (const [i, { name, range }] of channels.entries()) {
      const value = row[i] ?? 0;
      if (range === undefined || (value >= range[0] && value <= range[1])) continue;
      return `${file}: row ${t}: ${name} is ${value}, outside of ${range[0]} to ${range[1]}`;
    }
  }
  return undefined;
}

/** A clip in which no channel ever changes. */
export function constantEpisode({ file, actions }: SurveyEpisode): string[] {
  if (actions.length < LEAST_FRAMES) return [];
  const [first] = actions;
  const changes = actions.some((row) => row.some((value, i) => value !== first?.[i]));
  return changes ? [] : [`${file}: the same action in all ${actions.length} rows; were its inputs recorded?`];
}

/** Channels that are the same in every row of every clip: a network cannot learn what they do. One sentence for each value. */
export function constantChannels({ channels, episodes, folder }: Survey): string[] {
  const rows = episodes.reduce((sum, { frames }) => sum + frames, 0);
  if (rows < LEAST_FRAMES) return [];
  const values: readonly number[] = episodes[0]?.actions[0] ?? [];
  const changes = channels.map(() => false);
  for (const { actions } of episodes)
    for (const row of actions) for (const i of changes.keys()) if (row[i] !== values[i]) changes[i] = true;
  const names = new Map<number, string[]>();
  for (const [i, { name }] of channels.entries())
    if (!changes[i]) names.set(values[i] ?? NaN, [...(names.get(values[i] ?? NaN) ?? []), name]);
  return [...names].map(([value, some]) => {
    const which = some.length === 1 ? `channel ${some[0]} is` : `channels ${some.join(", ")} are`;
    return `${folder}: ${which} ${value} in all ${rows} rows; leave ${some.length === 1 ? "it" : "them"} out, or record ${some.length === 1 ? "it" : "them"}`;
  });
}
