// The published test protocols: what each asks for, and which domains it fits.
import { invalid } from "@vid2world/formats";
import type { DomainName } from "../../data/domain-clip.js";

/** The protocols by name. */
export const protocolNames = ["ar", "nar", "single-step", "rollout", "long", "action-control"] as const;
/** One of `protocolNames`. */
export type ProtocolName = (typeof protocolNames)[number];

/** How the files of a finished clip are laid out: a folder per clip, or several files per clip in one folder (RECON). */
export type ClipLayout = "folders" | "flat";

/** What a protocol is. */
export interface Protocol {
  readonly summary: string;
  /** The published domains that it was made for come first; `recordings` are own data. */
  readonly domains: readonly DomainName[];
  /** Frames that are known; fewer where the network's window is shorter. */
  readonly contextFrames: number;
  /** Frames to predict; absent: what is left of the network's window. */
  readonly frames?: number;
  /** Starts; absent: all that the domain lists. */
  readonly starts?: number;
}

/** All protocols. */
export const protocols: Readonly<Record<ProtocolName, Protocol>> = {
  ar: {
    summary: "frame after frame from 4 known frames, up to the network's window",
    domains: ["rt1", "csgo", "recordings"],
    contextFrames: 4,
  },
  nar: {
    summary: "the whole clip at once, all frames at one noise level, from 1 known frame",
    domains: ["rt1", "csgo", "recon", "recordings"],
    contextFrames: 1,
  },
  "single-step": {
    summary: "16 frames after 4 known ones, at RECON's starts for scores per time",
    domains: ["recon"],
    contextFrames: 4,
    frames: 16,
  },
  rollout: {
    summary: "16 frames after 4 known ones, at RECON's starts for scores of rollouts",
    domains: ["recon"],
    contextFrames: 4,
    frames: 16,
  },
  long: {
    summary: "100 frames (from still images 50) over a window of 9 that is encoded anew for every frame",
    domains: ["csgo", "stills", "recordings"],
    contextFrames: 9,
    frames: 100,
  },
  "action-control": {
    summary: "one start under eight actions, and a labelled video of all eight side by side",
    domains: ["rt1", "recordings"],
    contextFrames: 4,
    starts: 1,
  },
};

/** Frames of a long rollout from a still image: what the published configurations for unseen games ask for. */
const stillFrames = 50;

/** How the clips of a domain are laid out on disk, as the published evaluation reads them. */
export const layoutOf = (domain: DomainName): ClipLayout => (domain === "recon" ? "flat" : "folders");

/** Frame rate of the videos of a domain, as published; own recordings keep theirs. */
export function videoRate(domain: DomainName, fps: number | undefined): number {
  if (domain === "recordings") return fps ?? 3;
  return domain === "recon" ? 4 : 3;
}

/** Throws unless the protocol fits the domain; the error names those that do. */
export function checkProtocol(protocol: ProtocolName, domain: DomainName): void {
  if (protocols[protocol].domains.includes(domain)) return;
  const fitting = protocolNames.filter((name) => protocols[name].domains.includes(domain));
  throw invalid("protocol", `one that fits ${domainTitles[domain]} (${fitting.join(", ")})`, protocol);
}

/** Domains as people call them. */
export const domainTitles: Readonly<Record<DomainName, string>> = {
  rt1: "RT-1",
  csgo: "CS:GO",
  recon: "RECON",
  stills: "still images",
  recordings: "own recordings",
};

/** Numbers of one use of a protocol, every default filled in. */
export interface ProtocolLengths {
  readonly contextFrames: number;
  /** Frames to predict. In `nar`, which draws the first frame again, the known frames are part of the clip too. */
  readonly frames: number;
  /** Frames of the clip that is read from the data. */
  readonly clipFrames: number;
}

/** What {@link protocolLengths} is told besides the protocol. */
export interface LengthsRequest {
  readonly domain: DomainName;
  /** Most frames that the network sees at once. */
  readonly windowLength: number;
  readonly contextFrames?: number;
  readonly frames?: number;
  /** A long rollout under the actions of the data: the frames that really followed are read too. */
  readonly recordedActions?: boolean;
}

/** Resolves how many frames are known and predicted. */
export function protocolLengths(protocol: ProtocolName, request: LengthsRequest): ProtocolLengths {
  const { domain, windowLength, recordedActions = false } = request;
  const published = protocols[protocol];
  const contextFrames = request.contextFrames ?? Math.min(published.contextFrames, windowLength - 1);
  if (contextFrames < 1 || (protocol === "long" && contextFrames >= windowLength))
    throw invalid(
      "contextFrames",
      `1 to ${windowLength - 1}, as the network sees ${windowLength} frames`,
      contextFrames,
    );
  const own = protocol === "long" && domain === "stills" ? stillFrames : published.frames;
  const frames = request.frames ?? own ?? Math.max(1, windowLength - contextFrames);
  if (!Number.isInteger(frames) || frames < 1) throw invalid("frames", "a whole number >= 1", frames);
  if (protocol === "nar" && contextFrames + frames > windowLength)
    throw invalid("frames", `at most ${windowLength - contextFrames}: a clip is sampled as a whole`, frames);
  const readsFuture = protocol !== "long" || recordedActions;
  return { contextFrames, frames, clipFrames: contextFrames + (readsFuture ? frames : 0) };
}
