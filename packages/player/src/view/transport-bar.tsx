// The buttons under the picture: back, play, on, again, speed, record, full screen.
import type { JSX } from "preact";
import { comparisons, toggleComparison } from "./comparing.js";
import { usePlayer } from "./context.js";
import { Icon } from "./icons.js";
import { recordedFrames, toggleRecording } from "./recording.js";
import { Whereabouts } from "./timeline-view.js";

const SPEEDS = [0.25, 0.5, 1, 2] as const;
/** What the server is asked for when it should draw as fast as it can. */
const FASTEST = 240;

/** Plays, pauses, steps. */
export function TransportBar({ onFullScreen }: { readonly onFullScreen: () => void }): JSX.Element {
  const player = usePlayer();
  const { mode, world, glance, timeline } = player.state;
  const { transport } = player;
  const isPaused = mode.value === "paused";
  const ownFps = world.value?.fps ?? 10;
  const fps = player.state.fps.value ?? ownFps;
  const speed = SPEEDS.find((factor) => Math.abs(factor * ownFps - fps) < 0.01);
  const recorded = recordedFrames.value;
  return (
    <div class="transport" role="toolbar" aria-label="Playing">
      <button
        aria-label="One frame back"
        title="One frame back (,)"
        disabled={timeline.value.get(glance.value.node)?.parent === undefined}
        onClick={() => void transport.showBeside(-1)}
      >
        <Icon name="back" />
      </button>
      <button class="primary play-button" onClick={() => void transport.toggle()} title="Play, pause (P)">
        <Icon name={isPaused ? "play" : "pause"} />
        <span>{isPaused ? "Play" : "Pause"}</span>
      </button>
      <button aria-label="One frame on" title="One frame on, by what is held (.)" onClick={() => void transport.step()}>
        <Icon name="step" />
      </button>
      <button
        aria-label="Watch again"
        title="Watch again from here (L)"
        aria-pressed={mode.value === "watching"}
        onClick={() => transport.watch()}
      >
        <Icon name="again" />
      </button>
      <label class="speed">
        <span class="sr">Speed</span>
        <select
          value={speed === undefined ? "fastest" : String(speed)}
          onChange={(event) => {
            const { value } = event.currentTarget;
            void transport.setFps(value === "fastest" ? FASTEST : Number(value) * ownFps);
          }}
        >
          {SPEEDS.map((factor) => (
            <option key={factor} value={String(factor)}>
              {factor}×
            </option>
          ))}
          <option value="fastest">fastest</option>
        </select>
      </label>
      <Whereabouts />
      <span class="grow" />
      <CompareButton />
      <button
        class={recorded === undefined ? "" : "recording"}
        aria-pressed={recorded !== undefined}
        title="Record what is played to a video file"
        onClick={() => toggleRecording(player)}
      >
        <Icon name={recorded === undefined ? "record" : "stop"} />
        <span class="wide">{recorded === undefined ? "Record" : `${(recorded / ownFps).toFixed(1)} s`}</span>
      </button>
      {document.fullscreenEnabled && (
        <button class="full" aria-label="Full screen" title="Full screen (F)" onClick={onFullScreen}>
          <Icon name="full" />
        </button>
      )}
    </div>
  );
}

/** What is beside the picture; else what would be: what really happened, or, where the start is no recording's, another branch. */
function CompareButton(): JSX.Element {
  const { state } = usePlayer();
  void state.glance.value; // the timeline is the same thing, longer
  const current = state.comparison.value;
  const shown = current ?? comparisons(state)[0];
  const other = current?.kind === "branch" ? `Branch ${current.branch + 1}` : "Compare";
  const label = shown?.kind === "truth" ? "The real one" : other;
  return (
    <button
      class="compare"
      aria-label={label}
      aria-pressed={current !== undefined}
      title={
        shown?.kind === "truth"
          ? "What really happened in the recording, beside it (C)"
          : "Another branch beside it (C)"
      }
      disabled={shown === undefined}
      onClick={() => toggleComparison(state)}
    >
      <Icon name="compare" />
      <span class="wide">{label}</span>
    </button>
  );
}
