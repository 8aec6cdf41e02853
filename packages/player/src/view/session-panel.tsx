// What can be done with a session: compare its branches, keep it, take it away as a video.
import type { JSX } from "preact";
import type { Comparison } from "../session/state.js";
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
        {size > 0.9 * limit && `; a session holds at most ${limit}`}. Seed {session.value?.seed}. {world.value?.device},{" "}
        {world.value?.version}
      </p>
    </details>
  );
}

function CompareField(): JSX.Element {
  const { timeline, branch, session, comparison } = usePlayer().state;
  const others = timeline.value.branches.filter(({ id }) => id !== branch.value);
  const hasTruth = (session.value?.truthFrames ?? 0) > 0;
  const value =
    comparison.value === undefined ? "" : comparison.value.kind === "truth" ? "truth" : String(comparison.value.branch);
  const choose = (text: string): Comparison | undefined => {
    if (text === "") return undefined;
    return text === "truth" ? { kind: "truth" } : { kind: "branch", branch: Number(text) };
  };
  return (
    <div class="field">
      <label class="label" for="compare" title="Shows another branch, or the recording, beside this one">
        Compare
      </label>
      <select
        id="compare"
        value={value}
        disabled={!hasTruth && others.length === 0}
        onChange={(event) => (comparison.value = choose(event.currentTarget.value))}
      >
        <option value="">{hasTruth || others.length > 0 ? "nothing" : "go back and play on differently first"}</option>
        {hasTruth && <option value="truth">the recording</option>}
        {others.map(({ id }) => (
          <option key={id} value={String(id)}>
            branch {id + 1}
          </option>
        ))}
      </select>
    </div>
  );
}
