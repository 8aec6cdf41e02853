// What can be done with a session: compare its branches, keep it, take it away as a video.
import type { JSX } from "preact";
import type { Comparison } from "../session/state.js";
import { comparisons } from "./comparing.js";
import { usePlayer } from "./context.js";
import { Icon } from "./icons.js";
import { encoding, saveBranch, saveSession } from "./recording.js";

/** Comparing and saving. */
export function SessionPanel(): JSX.Element {
  const player = usePlayer();
  const { world, timeline, glance, session } = player.state;
  void glance.value; // the timeline is the same thing, longer
  const limit = world.value?.limits.frames ?? Infinity;
  const { size } = timeline.value;
  return (
    <details open class="group">
      <summary>Session</summary>
      <CompareField />
      <div class="row wrap">
        <button onClick={() => saveBranch(player)} disabled={encoding.value !== undefined}>
          <Icon name="film" />{" "}
          {encoding.value === undefined ? "Save branch as video" : `Encoding ${Math.round(100 * encoding.value)} %`}
        </button>
        <button onClick={() => void saveSession(player)} title="A file that plays this session again, frame by frame">
          <Icon name="save" /> Save session
        </button>
      </div>
      <p class="note">
        {size} frames, {timeline.value.branches.length} {timeline.value.branches.length === 1 ? "branch" : "branches"}
        {size > 0.9 * limit && `; a session holds at most ${limit}`}. Begun with seed {session.value?.seed}.{" "}
        {world.value?.device}, {world.value?.version}
      </p>
    </details>
  );
}

const nameOf = (comparison: Comparison | undefined): string =>
  comparison === undefined ? "" : comparison.kind === "truth" ? "the recording" : `branch ${comparison.branch + 1}`;

function CompareField(): JSX.Element {
  const { state } = usePlayer();
  const all = comparisons(state);
  return (
    <div class="field">
      <label class="label" for="compare" title="Shows another branch, or the recording, beside this one">
        Compare
      </label>
      <select
        id="compare"
        value={nameOf(state.comparison.value)}
        disabled={all.length === 0}
        onChange={({ currentTarget: { value } }) => (state.comparison.value = all.find((one) => nameOf(one) === value))}
      >
        <option value="">{all.length > 0 ? "nothing" : "go back and play on differently first"}</option>
        {all.map(nameOf).map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}
