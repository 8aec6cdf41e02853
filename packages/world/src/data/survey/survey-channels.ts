// Channels as the columns that networks see, for formats whose action space is fixed by their publication.
import type { Channel } from "../action-space.js";
import type { SurveyChannel } from "./survey.js";

/** Channels as networks see them: a choice takes one column per option. Of a foreign width, the columns are numbered. */
export function surveyChannels(channels: readonly Channel[], width: number): SurveyChannel[] {
  const columns = channels.flatMap((channel): SurveyChannel[] => {
    if (channel.kind !== "choice") return [{ name: channel.name, kind: channel.kind, range: undefined }];
    return channel.options.map((option) => ({ name: `${channel.name} ${option}`, kind: "binary", range: undefined }));
  });
  if (columns.length === width) return columns;
  return Array.from({ length: width }, (_, i) => ({ name: `action_${i}`, kind: "continuous", range: undefined }));
}
