// The page while a world is played: picture, buttons, timeline and controls, and beside them what can be set.
import { useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { listenToGamepad } from "../input/gamepad.js";
import { listenToKeys } from "../input/keyboard.js";
import { surfaceOf } from "../input/surface.js";
import { toggleComparison } from "./comparing.js";
import { ComparisonPane } from "./comparison.js";
import { usePlayer } from "./context.js";
import { Deck } from "./deck.js";
import { LatencyStrip } from "./latency-strip.js";
import { SessionPanel } from "./session-panel.js";
import { SettingsPanel } from "./settings-panel.js";
import { keepFromLeaving } from "./leaving.js";
import { endRecording } from "./recording.js";
import { type ShortcutAction, listenToShortcuts } from "./shortcuts.js";
import { Stage } from "./stage.js";
import { TimelineView } from "./timeline-view.js";
import { TransportBar } from "./transport-bar.js";

/** Everything to play with. */
export function PlayPage(): JSX.Element {
  const player = usePlayer();
  const { world, comparison, session } = player.state;
  const channels = useMemo(() => world.value?.channels ?? [], [world.value]);
  const surface = useMemo(() => surfaceOf(channels), [channels]);
  const theatre = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const run = (action: ShortcutAction): void => {
      const { transport } = player;
      if (action === "toggle") void transport.toggle();
      if (action === "step") void transport.step();
      if (action === "back") void transport.showBeside(-1);
      if (action === "watch") transport.watch();
      if (action === "compare") toggleComparison(player.state);
      if (action === "full") toggleFullScreen(theatre.current);
    };
    const stops = [
      listenToKeys(player.pilot, channels),
      listenToGamepad(player.pilot, surface, () => void player.transport.toggle()),
      listenToShortcuts(channels, run),
      pauseWhileHidden(),
      keepFromLeaving(channels),
    ];
    return () => stops.forEach((stop) => stop());
  }, [channels]);

  // A recording belongs to its session: with it, it ends and is saved.
  const id = session.value?.session;
  useEffect(() => () => endRecording(player), [id]);

  /** Nobody looks: nothing is drawn, and nothing stays pressed. */
  function pauseWhileHidden(): () => void {
    let wasLive = false;
    const change = (): void => {
      if (document.hidden) {
        wasLive = player.state.mode.value === "live";
        player.pilot.release();
        void player.transport.pause();
      } else {
        if (player.state.status.value.kind === "lost") player.reconnectNow(); // it may have waited for a while to be tried
        if (wasLive) void player.transport.play();
      }
    };
    document.addEventListener("visibilitychange", change);
    return () => document.removeEventListener("visibilitychange", change);
  }

  useTitle();
  return (
    <main class="play">
      <div class="theatre" ref={theatre}>
        <div class={`screens ${comparison.value ? "two" : ""}`}>
          <Stage />
          {comparison.value && <ComparisonPane comparison={comparison.value} />}
        </div>
        <TransportBar onFullScreen={() => toggleFullScreen(theatre.current)} />
        <TimelineView />
        <Deck channels={channels} surface={surface} />
        <LatencyStrip />
      </div>
      <aside class="panel" aria-label="Settings and session">
        <SettingsPanel />
        <SessionPanel />
      </aside>
    </main>
  );
}

function toggleFullScreen(element: HTMLElement | null): void {
  if (document.fullscreenElement !== null) void document.exitFullscreen();
  else void element?.requestFullscreen().catch(() => undefined); // iPhones have none
}

/** The tab says whether it plays. */
function useTitle(): void {
  const { world, mode } = usePlayer().state;
  useSignalEffect(() => {
    const name = world.value?.name ?? "Vid2World";
    document.title = mode.value === "live" ? `▶ ${name}` : name;
  });
}
