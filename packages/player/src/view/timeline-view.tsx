// The timeline: a slider along one branch, and the tree of all branches above it.
import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Branch, Timeline } from "../session/timeline.js";
import { usePlayer } from "./context.js";

/** Height of a branch's line in the tree, pixels. */
const LANE = 14;
/** Branches shown without scrolling. */
const MOST_LANES = 5;
/** Width of the tree's own coordinates; it is stretched to the page's. */
const WIDTH = 1000;

/** Frames of every branch, with the way to the one that is shown. */
export function TimelineView(): JSX.Element {
  const player = usePlayer();
  const { timeline: tree, glance, branch } = player.state;
  const timeline = tree.value;
  const frame = timeline.get(glance.value.node)?.frame ?? 0;
  const tip = timeline.get(timeline.tip(branch.value) ?? 0)?.frame ?? 0;
  const last = Math.max(1, ...timeline.branches.map(endOf));
  return (
    <section class="timeline" aria-label="Timeline">
      {timeline.branches.length > 1 && <Tree timeline={timeline} last={last} frame={frame} />}
      <input
        type="range"
        class="scrub"
        min={0}
        max={tip}
        value={frame}
        style={{ width: `${Math.max(2, (100 * tip) / last)}%` }}
        aria-label="Frame"
        aria-describedby="frame-words"
        onInput={(event) => void player.transport.showFrame(Number(event.currentTarget.value))}
      />
    </section>
  );
}

/** Where one is in words, and a choice of branches. */
export function Whereabouts(): JSX.Element {
  const player = usePlayer();
  const { timeline, glance, branch, world } = player.state;
  const frame = timeline.value.get(glance.value.node)?.frame ?? 0;
  const tip = timeline.value.get(timeline.value.tip(branch.value) ?? 0)?.frame ?? 0;
  const seconds = (frame / (world.value?.fps ?? 10)).toFixed(1);
  return (
    <div class="whereabouts">
      <span id="frame-words">
        frame {frame} of {tip}, {seconds} s
      </span>
      {timeline.value.branches.length > 1 && <BranchPicker timeline={timeline.value} />}
    </div>
  );
}

const endOf = ({ firstFrame, nodes }: Branch): number => firstFrame + nodes.length - 1;

interface TreeProps {
  readonly timeline: Timeline;
  readonly last: number;
  readonly frame: number;
}

/** Branches as lines, each where it left its parent. A click shows the frame under it. */
function Tree({ timeline, last, frame }: TreeProps): JSX.Element {
  const player = usePlayer();
  const { branch, comparison, glance } = player.state;
  const lanes = timeline.branches;
  const height = lanes.length * LANE;
  const x = (at: number): number => 4 + ((WIDTH - 8) * at) / last;
  const y = (lane: number): number => (lane + 0.5) * LANE;
  const way = useMemo(() => timeline.way(branch.value), [timeline, branch.value, last, lanes.length, frame]);
  const box = useRef<HTMLDivElement>(null);
  const lane = timeline.branchOf(glance.value.node)?.id ?? 0;
  useEffect(() => {
    if (box.current) box.current.scrollTop = y(lane) - box.current.clientHeight / 2;
  }, [lane, lanes.length]);
  const compared = comparison.value?.kind === "branch" ? comparison.value.branch : undefined;
  const pick = (event: MouseEvent): void => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const lane = Math.min(lanes.length - 1, Math.max(0, Math.floor((event.clientY - box.top) / LANE)));
    const at = Math.round(((((event.clientX - box.left) / box.width) * WIDTH - 4) / (WIDTH - 8)) * last);
    const chosen = lanes[lane];
    if (chosen === undefined) return;
    branch.value = lane;
    void player.transport.showFrame(Math.min(endOf(chosen), Math.max(0, at)));
  };
  return (
    <div class="tree" ref={box} style={{ maxHeight: `${MOST_LANES * LANE}px` }}>
      <svg
        viewBox={`0 0 ${WIDTH} ${height}`}
        preserveAspectRatio="none"
        height={height}
        aria-hidden="true"
        onClick={pick}
      >
        {lanes.map((lane) => {
          const from = lane.parent === undefined ? lane.firstFrame : lane.firstFrame - 1;
          const up = lane.parent === undefined ? "" : `M${x(from)} ${y(lane.parent)}V${y(lane.id)}`;
          const name = lane.id === compared ? "compared" : "";
          return <path key={lane.id} class={name} d={`${up}M${x(from)} ${y(lane.id)}H${x(endOf(lane))}`} />;
        })}
        {way.map(({ branch: part, lastFrame }) => {
          const from = part.parent === undefined ? part.firstFrame : part.firstFrame - 1;
          const up = part.parent === undefined ? "" : `M${x(from)} ${y(part.parent)}V${y(part.id)}`;
          return <path key={`way ${part.id}`} class="way" d={`${up}M${x(from)} ${y(part.id)}H${x(lastFrame)}`} />;
        })}
        <Playhead x={x(frame)} y={y(lane)} height={height} />
      </svg>
    </div>
  );
}

function Playhead({ x, y, height }: { readonly x: number; readonly y: number; readonly height: number }): JSX.Element {
  return (
    <g class="playhead">
      <path d={`M${x} 0V${height}`} />
      <path class="dot" d={`M${x} ${y}h0`} />
    </g>
  );
}

function BranchPicker({ timeline }: { readonly timeline: Timeline }): JSX.Element {
  const player = usePlayer();
  const { branch, shown, glance } = player.state;
  void glance.value; // the timeline is the same thing, longer
  return (
    <label>
      <span class="sr">Branch</span>
      <select
        value={String(branch.value)}
        onChange={(event) => {
          const chosen = Number(event.currentTarget.value);
          const at = timeline.get(shown.value)?.frame ?? 0;
          branch.value = chosen;
          const end = timeline.get(timeline.tip(chosen) ?? 0)?.frame ?? 0;
          void player.transport.showFrame(Math.min(at, end));
        }}
      >
        {timeline.branches.map((lane) => (
          <option key={lane.id} value={String(lane.id)}>
            branch {lane.id + 1}
            {lane.parent === undefined ? "" : `, from ${lane.parent + 1} at frame ${lane.firstFrame - 1}`}
          </option>
        ))}
      </select>
    </label>
  );
}
