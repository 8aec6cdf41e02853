// What is done when a server has opened a session or taken one back: everything here becomes as it is there.
import { batch } from "@preact/signals";
import { rememberSession } from "../connection/remembered.js";
import type { Pilot } from "../input/pilot.js";
import type { OpenedSession, RemoteWorld } from "../protocol.js";
import type { Intake } from "./intake.js";
import type { LatencyMeter } from "./latency.js";
import type { RemoteState } from "./remote-state.js";
import type { PlayerState } from "./state.js";
import type { Transport } from "./transport.js";

/** What entering a session works with. */
export interface EnteringSurroundings {
  readonly state: PlayerState;
  readonly server: RemoteWorld;
  readonly intake: Intake;
  readonly meter: LatencyMeter;
  readonly pilot: Pilot;
  readonly remote: RemoteState;
  readonly transport: Transport;
}

/** Enters sessions. Whoever looked at the newest frame sees the newest frame; whoever looked back stays there, if it is still there. */
export function createEntering(around: EnteringSurroundings): (opened: OpenedSession) => Promise<void> {
  const { state, server, intake, meter, pilot, remote, transport } = around;
  const { session, status } = state;
  return async (opened) => {
    const { session: id, key, seed, truthFrames, nodes } = opened;
    const isNew = session.value?.session !== id;
    const next = { session: id, key, seed, truthFrames, remote: server.attach(opened) };
    rememberSession(next, state.beginning.value);
    let lost = 0;
    batch(() => {
      lost = intake.nodes(next, nodes);
      if (isNew) {
        meter.clear();
        state.branch.value = 0;
        state.fps.value = opened.state.fps;
      }
      session.value = next;
      state.replayFrames.value = opened.replayFrames;
      remote.accept(opened.state);
      status.value = { kind: "ready" };
    });
    if (lost > 0) {
      state.comparison.value = undefined;
      state.notify("bad", `The server came back from its last save: ${lost} ${lost === 1 ? "frame is" : "frames are"} gone.`); // prettier-ignore
    }
    pilot.tellAgain();
    if (isNew || lost > 0 || transport.follows) await transport.follow();
  };
}
