// The picture of the world, as large as fits: by whole pixels (crisp) or to the edge (smooth).
import { signal, useComputed, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { listenToMouse } from "../input/mouse.js";
import { usesMovement } from "../input/row.js";
import { usePlayer } from "./context.js";
import { KeyHint } from "./key-hint.js";

/** Milliseconds that a captured mouse is told how to get free. */
const TOLD_MS = 5000;

/** How frames are enlarged. */
export const scaling = signal<"crisp" | "smooth">("crisp");

/**
 * Width in CSS pixels of a picture in a space. Crisp pictures have whole device pixels per pixel, unless that would make the picture smaller by more
 * than a quarter.
 */
export function pictureWidth(
  picture: { readonly width: number; readonly height: number },
  space: { readonly width: number; readonly height: number },
  how: "crisp" | "smooth",
  pixelRatio: number,
): number {
  const fitting = Math.min(space.width / picture.width, space.height / picture.height);
  const whole = Math.floor(fitting * pixelRatio) / pixelRatio;
  const scale = how === "crisp" && whole >= 0.75 * fitting ? whole : fitting;
  return Math.max(1, picture.width * scale);
}

/** Follows the size of an element. */
export function useSize(): [(element: HTMLElement | null) => void, { width: number; height: number }] {
  const [size, setSize] = useState({ width: 0, height: 0 });
  const observer = useRef<ResizeObserver | undefined>(undefined);
  const watch = useRef((element: HTMLElement | null) => {
    observer.current?.disconnect();
    if (element === null) return;
    observer.current = new ResizeObserver(([entry]) => {
      if (entry) setSize({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.current.observe(element);
  });
  return [watch.current, size];
}

/** The canvas that is played on, with what state it is in. */
export function Stage(): JSX.Element {
  const player = usePlayer();
  const { world, mode, comparison } = player.state;
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const [watchSize, space] = useSize();
  const channels = world.value?.channels ?? [];

  useEffect(() => {
    player.screen.canvas = canvas.current ?? undefined;
    player.screen.redraw();
    // What was chosen is gone with its focus; whoever plays by keys goes on in the world.
    if (document.activeElement === document.body) box.current?.focus({ preventScroll: true });
    return () => void (player.screen.canvas = undefined);
  }, []);
  useEffect(() => (box.current === null ? undefined : listenToMouse(player.pilot, channels, box.current)), [channels]);

  // Whoever pauses wants the page's buttons, which a captured mouse cannot reach.
  useSignalEffect(() => {
    if (mode.value !== "live" && document.pointerLockElement !== null) document.exitPointerLock();
  });

  const { width = 4, height = 3 } = world.value ?? {};
  const shownWidth = pictureWidth({ width, height }, space, scaling.value, window.devicePixelRatio);
  const style = { width: `${shownWidth}px`, height: `${(shownWidth * height) / width}px` };
  return (
    <div class="screen" ref={watchSize}>
      <div
        ref={box}
        class={`picture ${mode.value}`}
        style={style}
        tabIndex={0}
        role="application"
        data-plays
        aria-label="The world. Its keys are listed under Help."
        aria-describedby="frame-words"
      >
        <canvas ref={canvas} class={scaling.value} width={width} height={height} />
        {comparison.value && <span class="tag">this branch</span>}
        {mode.value !== "live" && <PauseVeil />}
        {mode.value === "live" && usesMovement(channels) && <CaptureHint />}
        {mode.value === "live" && <ReplayTag />}
        <KeyHint />
      </div>
      <LostVeil />
    </div>
  );
}

function PauseVeil(): JSX.Element | null {
  const { state, transport } = usePlayer();
  const { mode, phase, starting, glance, timeline, status, replayFrames } = state;
  if (starting.value || status.value.kind !== "ready") return null;
  if (mode.value === "watching") return <span class="tag right">watching again</span>;
  if (phase.value === "restoring") return <span class="tag right">the engine is being restored</span>;
  const isReplay = replayFrames.value > 0 && transport.follows;
  const isTip = timeline.value.branches.some(({ nodes }) => nodes.at(-1) === glance.value.node);
  return (
    <button class="veil" tabIndex={-1} onClick={() => void transport.play()}>
      <span class="big-play" aria-hidden="true" />
      <span>{isReplay ? "Play the saved session on" : isTip ? "Play" : "Play from here: a new branch"}</span>
    </button>
  );
}

/** Why what is held does nothing. */
function ReplayTag(): JSX.Element | null {
  const { replayFrames } = usePlayer().state;
  const isReplay = useComputed(() => replayFrames.value > 0);
  return isReplay.value ? <span class="tag right">the saved session again</span> : null;
}

/** How to capture the mouse, and for a while how to let it go: over the picture only as long as the keys are told or the mouse is there. */
function CaptureHint(): JSX.Element | null {
  const { hint } = usePlayer().state;
  const [isCaptured, setCaptured] = useState(document.pointerLockElement !== null);
  const [isTold, setTold] = useState(false);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const change = (): void => {
      setCaptured(document.pointerLockElement !== null);
      setTold(false);
      clearTimeout(timer);
      timer = setTimeout(() => setTold(true), TOLD_MS);
    };
    document.addEventListener("pointerlockchange", change);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("pointerlockchange", change);
    };
  }, []);
  if (isCaptured) return isTold ? null : <span class="tag hint">Esc lets the mouse go</span>;
  return <span class={`tag hint ${hint.value ? "" : "nearby"}`}>click to look with the mouse</span>;
}

/** The connection is gone: play goes on by itself once it is back. */
function LostVeil(): JSX.Element | null {
  const player = usePlayer();
  const { status } = player.state;
  const { kind } = status.value;
  if (kind !== "lost" && kind !== "taken") return null;
  const why = status.value.kind === "lost" ? status.value.why : undefined;
  return (
    <div class="lost" role="alert">
      <p>
        {kind === "lost"
          ? `The connection was lost${why === undefined ? "" : ` (${why})`}. You will be back in the same place.`
          : "This session goes on in another window."}
      </p>
      <button onClick={() => player.reconnectNow()}>{kind === "lost" ? "Try now" : "Go on here"}</button>
    </div>
  );
}
