// Takes frames in: into the tree, the store of pictures and onto the screen.
import { batch } from "@preact/signals";
import type { Pilot } from "../input/pilot.js";
import type { FrameMessage, SessionNode } from "../protocol.js";
import { type FrameStore, createFrameStore } from "./frame-store.js";
import type { LatencyMeter } from "./latency.js";
import { patiently } from "./patiently.js";
import { type Screen, createScreen } from "./screen.js";
import type { OpenSession, PlayerState } from "./state.js";
import { createTimeline } from "./timeline.js";

/** What an intake works with. */
export interface IntakeSurroundings {
  readonly state: PlayerState;
  readonly meter: LatencyMeter;
  readonly pilot: Pilot;
  /** Whether frames go to the screen. */
  readonly follows: () => boolean;
  /** A frame made this the current node. */
  readonly moved: (node: number) => void;
  /** Every picture that comes onto the screen while it is played. */
  readonly onDrawn: (picture: Blob) => void;
}

/** Where frames go. */
export interface Intake {
  readonly screen: Screen;
  /** A frame from the server. */
  readonly frame: (frame: FrameMessage, received: number) => void;
  /** The nodes of a session as the server has them. Returns how many that are known here it does not have. */
  nodes(session: OpenSession, nodes: readonly SessionNode[]): number;
  /** The compressed picture of a node. */
  readonly picture: (node: number) => Promise<Blob>;
}

/** An intake for the session that `state` names. */
export function createIntake({ state, meter, pilot, follows, moved, onDrawn }: IntakeSurroundings): Intake {
  const { timeline, revision, shown, branch, session } = state;
  let pictures: FrameStore | undefined;

  const screen = createScreen({
    drawn({ frame: { node }, picture }) {
      batch(() => {
        shown.value = node;
        branch.value = timeline.value.branchOf(node)?.id ?? 0;
        revision.value++;
      });
      onDrawn(picture);
    },
    refreshed({ frame, received }, now) {
      meter.shown(frame.timings, received, now);
      if (frame.sequence !== undefined) meter.answered(frame.sequence, now);
    },
    overtaken: () => meter.dropped(),
  });

  return {
    screen,
    frame(frame, received) {
      const { node, parent, action, sequence } = frame;
      const known = { ...(parent !== undefined && { parent }), ...(action.length > 0 && { action: [...action] }) };
      timeline.value.add({ node, frame: frame.frame, ...known });
      const picture = pictures?.put(frame);
      moved(node);
      if (frame.request === undefined) {
        meter.received(received);
        state.replayFrames.value = Math.max(0, state.replayFrames.value - 1);
      }
      if (sequence !== undefined) pilot.seen(sequence);
      // Views are told once, when it is drawn.
      if (follows() && picture !== undefined) screen.arrived({ frame, received, picture });
      else revision.value++;
    },
    nodes({ session: id, remote }, nodes) {
      const fresh = createTimeline();
      for (const node of nodes) fresh.add(node);
      const isSame = session.value?.session === id;
      const lost = isSame ? timeline.value.lostIn(fresh) : 0;
      if (!isSame || lost > 0)
        pictures = createFrameStore(async (node) => {
          return new Blob([await patiently(() => remote.picture(node))], { type: "image/jpeg" });
        });
      batch(() => {
        timeline.value = fresh;
        revision.value++;
      });
      return lost;
    },
    picture: (node) => pictures?.get(node) ?? Promise.reject(new Error("no session is open")),
  };
}
