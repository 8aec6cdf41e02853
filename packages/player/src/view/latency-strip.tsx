// Where the time of a frame goes, and how long a key takes to be seen.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { LatencySummary } from "../session/latency.js";
import { usePlayer } from "./context.js";

const PARTS = ["wait", "model", "decode", "encode", "network", "draw"] as const;
const LABELS: Record<(typeof PARTS)[number], string> = {
  wait: "waiting for its turn",
  model: "the network",
  decode: "the decoder",
  encode: "packing the picture",
  network: "the way here",
  draw: "unpacking and drawing",
};
/** Milliseconds between two readings: fast enough to follow, slow enough to read. */
const READ_MS = 500;

/** Medians over the last 120 frames or less. */
export function LatencyStrip(): JSX.Element {
  const player = usePlayer();
  const [summary, setSummary] = useState<LatencySummary>(player.meter.summary());
  useEffect(() => {
    const timer = setInterval(() => setSummary(player.meter.summary()), READ_MS);
    return () => clearInterval(timer);
  }, []);
  const { keyToFrame, frameTime, dropped } = summary;
  const total = PARTS.reduce((sum, part) => sum + (summary[part] ?? 0), 0);
  return (
    <section class="latency" aria-label="Latency">
      <div class="bar" aria-hidden="true">
        {PARTS.map((part) => (
          <span
            key={part}
            class={part}
            style={{ width: `${total === 0 ? 0 : (100 * (summary[part] ?? 0)) / total}%` }}
          />
        ))}
      </div>
      <ul>
        {PARTS.map((part) => (
          <li key={part} class={part} title={`${LABELS[part]}, milliseconds`}>
            {part} <b>{milliseconds(summary[part])}</b>
          </li>
        ))}
        <li>ms</li>
      </ul>
      <ul>
        <li title="From a key to the frame that shows it, milliseconds: the median, and what 95 of 100 stay below">
          key to frame p50 <b>{milliseconds(keyToFrame?.p50)}</b> p95 <b>{milliseconds(keyToFrame?.p95)}</b> ms
        </li>
        <li title="Frames per second on this screen">
          <b>{frameTime === undefined ? "–" : (1000 / frameTime).toFixed(1)}</b> fps
        </li>
        <li title="Frames that arrived, but were overtaken by the next before the screen showed them">
          dropped <b>{dropped}</b>
        </li>
      </ul>
    </section>
  );
}

function milliseconds(value: number | undefined): string {
  if (value === undefined) return "–";
  return value < 10 ? value.toFixed(1) : String(Math.round(value));
}
