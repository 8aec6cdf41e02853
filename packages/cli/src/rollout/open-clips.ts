// The clips that `vid2world rollout --protocol` starts from: the flags', else the configuration's, else the world's own recordings.
import { resolve } from "node:path";
import { invalid } from "@vid2world/formats";
import type { DomainName, DomainSource } from "@vid2world/world/data/domain-clip";
import { type SourcePlace, openSource } from "@vid2world/world/evaluation/protocols/open-source";
import { type ProtocolName, protocolLengths } from "@vid2world/world/evaluation/protocols/protocol-table";
import type { DenoisingRunConfig } from "@vid2world/world/training/config";
import { syntheticSource } from "@vid2world/world/training/synthetic-source";
import { recordingsOf } from "../commands/demo.js";
import type { RolloutFlags } from "./options.js";

/** What the clips are for. */
export interface ClipsUse {
  readonly protocol: ProtocolName;
  /** Most frames that the network sees at once. */
  readonly windowLength: number;
  readonly contextFrames?: number;
  readonly frames?: number;
}

/** The flags that say which clips: those of `vid2world rollout`. */
export type ClipFlags = Partial<
  Pick<RolloutFlags, "data" | "domain" | "recordings" | "heldOut" | "startIndices" | "splits" | "actions">
>;

/** Opens the clips. */
export async function openClips(
  given: string,
  config: DenoisingRunConfig | undefined,
  flags: ClipFlags,
  { protocol, ...numbers }: ClipsUse,
): Promise<DomainSource> {
  const data = config?.data;
  if (data !== undefined && "synthetic" in data && !namesData(flags)) return syntheticSource(data.synthetic);
  const place = await placeOf(given, config, flags);
  const recordedActions = flags.actions === "recorded";
  const lengths = protocolLengths(protocol, { domain: place.domain, ...numbers, recordedActions });
  return openSource(place, { ...lengths, protocol });
}

const namesData = ({ data, domain, recordings }: ClipFlags): boolean =>
  [data, domain, recordings].some((flag) => flag !== undefined);

/** Which domain the clips will be of, before anything is opened. */
export function domainOf(config: DenoisingRunConfig | undefined, flags: ClipFlags): DomainName {
  if (flags.recordings !== undefined) return "recordings";
  if (flags.domain) return flags.domain;
  return config && "domain" in config.data ? config.data.domain : "recordings";
}

/** The folder of own recordings that belong to a world: the flag's, else the configuration's, else those that the world names. */
export async function recordingsFor(
  given: string,
  config: DenoisingRunConfig | undefined,
  { recordings }: Pick<ClipFlags, "recordings">,
): Promise<string> {
  if (recordings !== undefined) return recordings;
  if (config === undefined) return recordingsOf(given);
  if ("recordings" in config.data) return resolve(config.data.recordings);
  throw invalid("--recordings", `a folder of recordings, as ${given} is trained on other data`, undefined);
}

async function placeOf(given: string, config: DenoisingRunConfig | undefined, flags: ClipFlags): Promise<SourcePlace> {
  const data = config?.data;
  const known = data !== undefined && "domain" in data ? data : undefined;
  const domain = domainOf(config, flags);
  if (domain === "recordings") {
    const folder = flags.data ?? (await recordingsFor(given, config, flags));
    return { domain, folder };
  }
  // Lists that belong to the configuration's data are of no use for others.
  const listed = known?.domain === domain ? known : undefined;
  const folder = flags.data ?? listed?.validationFolder ?? listed?.folder;
  if (folder === undefined) throw invalid("--data", `the folder of the ${domain} data`, undefined);
  const heldOut = flags.heldOut ?? listed?.validationList;
  const startIndices = flags.startIndices ?? listed?.validationStarts;
  const splits = flags.splits ?? listed?.splits;
  return {
    ...{ domain, folder },
    ...(heldOut !== undefined && { heldOut }),
    ...(startIndices !== undefined && { startIndices }),
    ...(splits !== undefined && { splits }),
  };
}
