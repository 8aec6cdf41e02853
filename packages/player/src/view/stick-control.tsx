// A stick: pushed with a finger or the mouse, it springs back. Its dot is where it was in the frame that is shown.
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { Row } from "../input/channels.js";
import { type Push, strengthIn } from "../input/row.js";
import type { Axis } from "../input/axes.js";
import type { Stick } from "../input/surface.js";
import type { Channel } from "../protocol.js";
import { usePlayer } from "./context.js";

interface StickProps {
  readonly stick: Stick;
  readonly channels: readonly Channel[];
  readonly row: Row;
}

/** One or two axes. */
export function StickControl({ stick, channels, row }: StickProps): JSX.Element {
  const { pilot } = usePlayer();
  const pad = useRef<HTMLDivElement>(null);
  const { x, y, label } = stick;
  const position = (axis: Axis | undefined): number =>
    axis === undefined ? 0 : strengthIn(channels, axis.high, row) - strengthIn(channels, axis.low, row);
  const [dx, dy] = [position(x), position(y)];

  const pushTo = (event: PointerEvent, isBeginning: boolean): void => {
    const box = pad.current?.getBoundingClientRect();
    if (box === undefined) return;
    const reach = 0.4 * Math.max(box.width, box.height);
    const across = (event.clientX - box.left - box.width / 2) / reach;
    const up = -(event.clientY - box.top - box.height / 2) / reach;
    const length = x && y ? Math.max(1, Math.hypot(across, up)) : 1;
    const pushes = [...along(x, across / length), ...along(y, up / length)];
    pilot.push(`stick ${label}`, pushes, isBeginning ? event.timeStamp : undefined);
  };
  const release = (): void => pilot.push(`stick ${label}`, []);
  const shape = x && y ? "both" : x ? "across" : "up";
  return (
    <figure class="stick">
      <div
        ref={pad}
        class={`pad ${shape}`}
        role="img"
        aria-label={`${label}: ${describe(x, dx)}${x && y ? ", " : ""}${describe(y, dy)}`}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          pushTo(event, true);
        }}
        onPointerMove={(event) => {
          if (event.currentTarget.hasPointerCapture(event.pointerId)) pushTo(event, false);
        }}
        onPointerUp={release}
        onPointerCancel={release}
        onContextMenu={(event) => event.preventDefault()}
      >
        <Marks x={x} y={y} />
        <span
          class={`dot ${dx !== 0 || dy !== 0 ? "pushed" : ""}`}
          style={{ left: `${50 + 36 * dx}%`, top: `${50 - 36 * dy}%` }}
        />
      </div>
      <figcaption>{label}</figcaption>
    </figure>
  );
}

function along(axis: Axis | undefined, value: number): Push[] {
  if (axis === undefined || Math.abs(value) < 0.08) return [];
  return [{ effect: value > 0 ? axis.high : axis.low, strength: Math.min(1, Math.abs(value)) }];
}

const describe = (axis: Axis | undefined, value: number): string =>
  axis === undefined ? "" : `${axis.label} ${value.toFixed(1)}`;

function Marks({ x, y }: { readonly x: Axis | undefined; readonly y: Axis | undefined }): JSX.Element {
  const [[left = ""], [right = ""]] = x?.keys ?? [[], []];
  const [[down = ""], [up = ""]] = y?.keys ?? [[], []];
  return (
    <span aria-hidden="true">
      {left !== "" && <kbd class="left">{left}</kbd>}
      {right !== "" && <kbd class="right">{right}</kbd>}
      {up !== "" && <kbd class="top">{up}</kbd>}
      {down !== "" && <kbd class="bottom">{down}</kbd>}
    </span>
  );
}
