// Every channel as a slider with its whole range: values set here stay until they are reset.
import type { JSX } from "preact";
import { rangeOf, readable, restOf } from "../input/channels.js";
import type { Channel } from "../protocol.js";
import { usePlayer } from "./context.js";

/** Sliders of all continuous channels, closed until they are wanted. */
export function ChannelSliders(): JSX.Element | null {
  const player = usePlayer();
  const channels = player.state.world.value?.channels ?? [];
  const continuous = channels.flatMap((channel, i) => (channel.kind === "continuous" ? [{ channel, i }] : []));
  if (continuous.length === 0) return null;
  return (
    <details class="sliders">
      <summary>Every channel by hand</summary>
      {continuous.map(({ channel, i }) => (
        <ChannelSlider key={channel.name} channel={channel} index={i} />
      ))}
      <button
        disabled={player.pilot.latched.value.size === 0}
        onClick={() => continuous.forEach(({ i }) => player.pilot.latch(i, undefined))}
      >
        All to rest
      </button>
    </details>
  );
}

function ChannelSlider({ channel, index }: { readonly channel: Channel; readonly index: number }): JSX.Element {
  const { pilot } = usePlayer();
  const [low, high] = rangeOf(channel);
  const rest = restOf(channel);
  const value = pilot.latched.value.get(index) ?? rest;
  const set = (next: number): void => {
    if (Number.isFinite(next)) pilot.latch(index, next === rest ? undefined : Math.min(high, Math.max(low, next)));
  };
  const unit = channel.kind === "continuous" ? channel.unit : undefined;
  const shared = { min: low, max: high, value };
  return (
    <div class="field" title={[channel.description, unit && `1 is: ${unit}`].filter(Boolean).join("; ")}>
      <span class="label">{readable(channel.name)}</span>
      <span class="slider">
        <input
          type="range"
          aria-label={readable(channel.name)}
          step={(high - low) / 200}
          {...shared}
          onInput={(event) => set(Number(event.currentTarget.value))}
          onDblClick={() => set(rest)}
        />
        <input
          type="number"
          aria-label={`${readable(channel.name)}, exact value`}
          step="any"
          {...shared}
          value={Number(value.toFixed(4))}
          onChange={(event) => set(Number(event.currentTarget.value))}
        />
      </span>
    </div>
  );
}
